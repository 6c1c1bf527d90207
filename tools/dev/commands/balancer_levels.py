"""Compare gradient balancing at the features with the exact one at the parameters.

Trains at the feature level and compares, every few steps, the update of the encoder with that of
`level='parameters'` for the same weights and batch: cosine, ratio of lengths, and for comparison
the cosine between the exact update and the plain sum of the gradients.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import add_config, command_parser

EXAMPLE = (
    "python tools/dev/commands/balancer_levels.py configs/mtl_branched.py --weightings MGDA CAGrad"
)


def main() -> None:
    """Train, compare and print."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument(
        "--weightings", nargs="+", default=["MGDA", "CAGrad", "UPGrad"], metavar="NAME"
    )
    parser.add_argument("--steps", type=int, default=100, help="training steps (default: 100)")
    parser.add_argument("--every", type=int, default=5, help="steps between two comparisons")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.balancers import level_differences, show_level_differences

    from mtl_plugins.config import final_config
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = final_config(args.config, args.cfg_options)
        show_level_differences(
            {
                name: level_differences(config, name, args.steps, args.every)
                for name in args.weightings
            },
            -(-args.steps // args.every),
        )

    run_command(command)


if __name__ == "__main__":
    main()
