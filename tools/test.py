"""Evaluate a checkpoint on the test data of a config."""

from __future__ import annotations

import argparse

EXAMPLE = """example:
  python tools/test.py configs/mtl_branched.py work_dirs/mtl_branched/epoch_6.pth"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file (Python; it is executed)")
    parser.add_argument("checkpoint", help="checkpoint (.pth) of a model of this config")
    parser.add_argument("--work-dir", help="where logs and pictures go")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values laid over the config, by dotted key",
    )
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Evaluate and print the metrics."""
    args = parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.engine import evaluate, load_config, run_command, show_metrics

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        show_metrics("checkpoint", evaluate(config, args.checkpoint, args.work_dir, args.launcher))

    run_command(command)


if __name__ == "__main__":
    main()
