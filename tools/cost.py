"""Print the cost of the models of configs: parameters, GMACs, memory and time.

One multiply-add of a convolution, linear layer or matrix product counts as one MAC; element-wise
operations, norms and resizing are not counted. Weights and data are random; nothing is fetched.
"""

from __future__ import annotations

from arguments import add_config, add_size, command_parser

EXAMPLE = """python tools/cost.py configs/miniscapes/joint_resnet34.py \\
      configs/miniscapes/branched_resnet34.py --size 256 256 --markdown cost.md"""


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser, several=True)
    add_size(parser, 256, 256)
    parser.add_argument(
        "--batch",
        type=int,
        default=4,
        metavar="N",
        help="images of a training step and of a prediction, for memory and time (default: 4)",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--no-timing", action="store_true", help="do not measure time")
    parser.add_argument("--csv", metavar="FILE", help="also write unrounded numbers as CSV")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table as Markdown")
    args = parser.parse_args()
    from mtl_plugins.config import complete_tasks, load_config
    from mtl_plugins.costs import measure_costs, report_costs
    from mtl_plugins.utils import check_results, run_command

    def command() -> None:
        check_results(args.csv, args.markdown)
        configs = {path: load_config(path, args.cfg_options) for path in args.config}
        for config in configs.values():
            complete_tasks(config)
        options = dict(repeats=0) if args.no_timing else {}
        costs = measure_costs(
            configs, size=tuple(args.size), batch_size=args.batch, device=args.device, **options
        )
        report_costs(costs, args.csv, args.markdown)

    run_command(command)


if __name__ == "__main__":
    main()
