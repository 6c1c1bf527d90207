"""Train for long, and check that memory and open file handles do not grow.

The run is an ordinary one with a constant learning rate. At each validation the memory (shared
memory is divided among its processes) and the file handles of the main process and of the loaders'
workers are written to soak.json. A straight line through the second half of the run gives the
growth of memory. Linux only.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import add_config, command_parser

EXAMPLE = """python tools/dev/commands/soak.py configs/mtl_branched.py --work-dir work_dirs/soak \\
      --cfg-options model.backbone.model_name=test_resnet"""


def main() -> None:
    """Train, sample and print."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("--work-dir", required=True, help="a new folder for the run")
    parser.add_argument(
        "--iterations", type=int, default=2000, metavar="N", help="at least (default: 2000)"
    )
    parser.add_argument(
        "--bound",
        type=float,
        default=10.0,
        metavar="MB",
        help="exit with 1 if memory grows by more than this per 1,000 iterations, plus twice the "
        "standard error (default: 10)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the run")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.endurance import report_soak, soak

    from mtl_plugins.config import load_config
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        report_soak(soak(config, args.work_dir, args.iterations, args.seed), args.bound)

    run_command(command)


if __name__ == "__main__":
    main()
