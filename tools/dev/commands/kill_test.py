"""Kill a training repeatedly, and check that it ends like an uninterrupted one.

Each run is killed (SIGKILL) at random moments, also while a checkpoint is written, and resumed
until it ends; then weights, states and curves are compared bit for bit. On the CPU; choose a config
that trains in seconds.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import add_config, command_parser

EXAMPLE = """python tools/dev/commands/kill_test.py configs/mtl_branched.py \\
      --work-dir work_dirs/kill_test --cfg-options train_cfg.max_epochs=3 \\
      model.backbone.model_name=test_resnet"""


def main() -> None:
    """Kill and compare."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("--work-dir", required=True, help="a new folder for the runs")
    parser.add_argument("--kills", type=int, default=30, metavar="N", help="default: 30")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments and of the runs")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.endurance import kill_test, show_kill_report

    from mtl_plugins.config import load_config
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        show_kill_report(kill_test(config, args.work_dir, args.kills, args.seed))

    run_command(command)


if __name__ == "__main__":
    main()
