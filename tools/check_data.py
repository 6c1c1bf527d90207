"""Check the data of a config: read every file and list each problem with its file.

Prints statistics of the classes, depth and normals of each data set and draws a contact sheet of
each. Nothing in the data's folders is changed. The exit code is 1 if there are problems; warnings
about suspicious data do not count.
"""

from __future__ import annotations

from arguments import add_config, command_parser

EXAMPLE = "python tools/check_data.py configs/mtl_branched.py --json work_dirs/check.json"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    splits = ["train", "val", "test"]
    parser.add_argument("--split", nargs="+", choices=splits, default=splits, help="default: all")
    parser.add_argument(
        "--workers", type=int, default=4, help="threads that read files; default: %(default)s"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder for contact sheets; default: work_dirs/<config name>/data_check",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the findings as JSON")
    args = parser.parse_args()
    if args.workers < 1:
        parser.error("--workers needs 1 or more")
    from mtl_plugins.config import load_config
    from mtl_plugins.data_tools import report_data_check
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        report_data_check(config, args.split, args.workers, args.out, args.json)

    run_command(command)


if __name__ == "__main__":
    main()
