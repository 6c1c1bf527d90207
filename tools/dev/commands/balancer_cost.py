"""Print the cost of every balancer in the models of configs, relative to fixed weights.

Steps with fixed weights and with a balancer alternate. Weights and data are random.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import add_config, add_size, command_parser

EXAMPLE = """python tools/dev/commands/balancer_cost.py configs/mtl_branched.py \\
      configs/mtl_normals.py --markdown balancers.md"""


def main() -> None:
    """Measure and print."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser, several=True)
    add_size(parser, 128, 256)
    parser.add_argument(
        "--batch", type=int, default=4, metavar="N", help="images of a step (default: 4)"
    )
    parser.add_argument(
        "--repeats", type=int, default=9, metavar="N", help="timed pairs of steps (default: 9)"
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only balancers whose name contains TEXT"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table as Markdown")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.balancers import all_balancers, measure_all_balancers, report_balancer_costs

    from mtl_plugins.config import final_config
    from mtl_plugins.utils import run_command

    def command() -> None:
        configs = {path: final_config(path, args.cfg_options) for path in args.config}
        balancers = {name: each for name, each in all_balancers().items() if args.only in name}
        shared = dict(
            size=tuple(args.size), batch_size=args.batch, device=args.device, repeats=args.repeats
        )
        costs = measure_all_balancers(configs, balancers, **shared)
        report_balancer_costs(costs, **shared, markdown_file=args.markdown)

    run_command(command)


if __name__ == "__main__":
    main()
