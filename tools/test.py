"""Evaluate a checkpoint on the test data of a config."""

from __future__ import annotations

from arguments import add_config, add_run, command_parser

EXAMPLE = "python tools/test.py configs/mtl_branched.py work_dirs/mtl_branched/epoch_4.pth"


def main() -> None:
    """Evaluate and print the metrics."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("checkpoint", help="checkpoint (.pth) of a model of this config")
    parser.add_argument(
        "--baselines", metavar="FILE", help="baselines.json of tools/ladder.py; adds Delta_m"
    )
    add_run(parser)
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.engine import evaluate, load_config, run_command, show_metrics
    from mtl_plugins.engine.baselines import Baselines

    def command() -> None:
        baselines = Baselines.read(args.baselines) if args.baselines else None
        config = load_config(args.config, args.cfg_options)
        metrics = evaluate(config, args.checkpoint, args.work_dir, args.launcher)
        show_metrics("checkpoint", metrics)
        for name, gain in (baselines.delta_m(metrics) if baselines else {}).items():
            print(f"{name}: {gain:+.2f}")

    run_command(command)


if __name__ == "__main__":
    main()
