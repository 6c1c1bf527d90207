"""Measure the speed of everything against peers and limits, in turns.

Every case is saved in OUT/<device>/<row>.json at once; called again, saved cases are not measured
again. OUT/bench_<device>.md and .png show all measured rows. Cases that need a GPU are reported as
not measured if there is none.
"""

from __future__ import annotations

import os

import tools_path
from arguments import command_parser

EXAMPLE = """python tools/dev/commands/bench.py --device cpu --out bench_out \\
      --docs docs/performance.md
  python tools/dev/commands/bench.py --rows step prediction --device cuda"""


def main() -> None:
    """Measure and print."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="default: all")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--out", default="bench_out", metavar="DIR", help="default: %(default)s")
    parser.add_argument("--docs", metavar="FILE", help="Markdown file that gets the tables too")
    parser.add_argument("--repeats", type=int, default=4, help="turns; default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a test run")
    parser.add_argument("--again", action="store_true", help="also measure saved cases")
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error("--repeats needs 1 or more")
    # Imported late, so that --help answers at once.
    from dev.bench import Settings, report, row_names, run_benchmarks

    from mtl_plugins.utils import run_command

    def command() -> None:
        scratch = os.path.join(args.out, "scratch")
        settings = Settings(tools_path.ROOT, scratch, args.device, args.quick, args.repeats)
        results = run_benchmarks(args.rows or row_names(), settings, args.out, args.again)
        report(results, args.out, args.docs)

    run_command(command)


if __name__ == "__main__":
    main()
