"""Compare runs in one HTML file that needs no network.

The file shows metrics side by side (with the best value and the difference to the first run),
curves, classes, confusion matrices, depth errors over the distance, task weights, cost, configs,
and a gallery of the same validation images.
"""

from __future__ import annotations

from arguments import command_parser

EXAMPLE = "python tools/report.py work_dirs/mtl_branched work_dirs/mtl_cagrad --out report.html"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("run", nargs="+", help="work dirs; the others are compared with the first")
    parser.add_argument("--out", default="report.html", metavar="FILE", help="default: report.html")
    args = parser.parse_args()
    from mtl_plugins.report import write_page
    from mtl_plugins.utils import run_command

    run_command(write_page, args.run, args.out)


if __name__ == "__main__":
    main()
