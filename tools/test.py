"""Evaluate a checkpoint on the test data of a config."""

from __future__ import annotations

from arguments import add_config, add_run, command_parser

EXAMPLE = "python tools/test.py configs/mtl_branched.py work_dirs/mtl_branched/epoch_4.pth"


def main() -> None:
    """Evaluate and print the metrics."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("checkpoint", help="checkpoint (.pth) of a model of this config")
    add_run(parser)
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.engine import evaluate, load_config, run_command, show_metrics

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        show_metrics("checkpoint", evaluate(config, args.checkpoint, args.work_dir, args.launcher))

    run_command(command)


if __name__ == "__main__":
    main()
