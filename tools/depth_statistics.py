"""Print the statistics of a split's depth, and the codec that normalises log depth by them."""

from __future__ import annotations

from arguments import add_config, add_split, command_parser

EXAMPLE = "python tools/depth_statistics.py configs/mtl_branched.py --split train"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    add_split(parser)
    parser.add_argument("--target", help="a target that is a distance (default: the first one)")
    parser.add_argument("--json", metavar="FILE", help="also write the statistics as JSON")
    args = parser.parse_args()
    from mtl_plugins.config import load_config
    from mtl_plugins.data_tools import report_depth_statistics, split_depth_statistics
    from mtl_plugins.utils import check_results, run_command

    def command() -> None:
        check_results(args.json)
        config = load_config(args.config, args.cfg_options)
        statistics = split_depth_statistics(config, args.split, args.target)
        report_depth_statistics(statistics, args.split, args.json)

    run_command(command)


if __name__ == "__main__":
    main()
