"""Check on a GPU what the documentation says of GPUs, and measure how fast it is.

Every case has a time limit of its own and is appended to OUT/results.jsonl as soon as it is done,
so that a run that is cut short loses nothing; called again, finished cases are not run again. The
cases run in the order of their importance. --device cpu --quick runs the same code at tiny sizes.
"""

from __future__ import annotations

import argparse
import os
import sys

import tools_path
from arguments import command_parser

EXAMPLE = """python tools/dev/commands/gpu_check.py --out gpu_out
  python tools/dev/commands/gpu_check.py --device cpu --quick --cases precision compile"""


def main() -> None:
    """Run the cases and print a table."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("--out", default="gpu_out", metavar="DIR", help="default: %(default)s")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="default: all, in their order")
    parser.add_argument("--again", action="store_true", help="run finished cases as well")
    parser.add_argument(
        "--budget", type=float, default=480, metavar="SECONDS", help="default: %(default)s"
    )
    parser.add_argument(
        "--limit", type=float, metavar="SECONDS", help="for each case; default: its own"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.gpu import Settings, run_worker, supervise

    settings = Settings(tools_path.ROOT, os.path.abspath(args.out), args.device, args.quick)
    if args.worker:
        run_worker(settings, args.cases)
    else:
        sys.exit(supervise(settings, args.cases, args.again, args.budget, args.limit))


if __name__ == "__main__":
    main()
