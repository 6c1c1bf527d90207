"""Measure how fast everything is, against peers and against what is possible, in turns.

Every row is kept in OUT/<device>/<row>.json as soon as it is measured; called again, what is there
is not measured again. OUT/bench_<device>.md and .png show all rows that were measured. Rows that
need a GPU say so where there is none.
"""

from __future__ import annotations

import os
from pathlib import Path

import tools_path  # noqa: F401
from arguments import command_parser

ROOT = str(Path(__file__).parents[3])

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
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--again", action="store_true", help="measure what is there as well")
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error("--repeats needs 1 or more")
    # Imported late, so that --help answers at once.
    from dev.bench import Settings, report, row_names, run_benchmarks

    from mtl_plugins.utils import run_command

    def command() -> None:
        scratch = os.path.join(args.out, "scratch")
        settings = Settings(ROOT, scratch, args.device, args.quick, args.repeats)
        results = run_benchmarks(args.rows or row_names(), settings, args.out, args.again)
        report(results, args.out, args.docs)

    run_command(command)


if __name__ == "__main__":
    main()
