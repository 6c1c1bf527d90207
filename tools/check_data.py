"""Check the data of a config: read every file and list each problem with its file.

Prints statistics of the classes, depth and normals of each data set and draws a contact sheet of
each. Nothing in the data's folders is changed. The exit code is 1 if there are problems; warnings
about suspicious data do not count. With --weights it also writes class weights for a loss.
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
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="also write the weight of each class of the training data as JSON, which a loss in a "
        "config may name: class_weight='FILE', or positive_weight='FILE' for a mask",
    )
    parser.add_argument(
        "--rule",
        choices=["enet", "inverse", "median"],
        default="enet",
        help="weight of a class: enet is 1 / ln(1.02 + share of the pixels), inverse 1 / (number "
        "of classes x share), median the median frequency / frequency; default: %(default)s",
    )
    args = parser.parse_args()
    if args.workers < 1:
        parser.error("--workers needs 1 or more")
    from mtl_plugins.config import load_config
    from mtl_plugins.data_tools import report_data_check
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        report_data_check(
            config, args.split, args.workers, args.out, args.json, args.weights, args.rule
        )

    run_command(command)


if __name__ == "__main__":
    main()
