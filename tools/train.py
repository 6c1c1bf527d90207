"""Train a multi-task model from a config, on CPU or GPU."""

from __future__ import annotations

import argparse

EXAMPLE = """example:
  python tools/train.py configs/mtl_branched.py \\
      --cfg-options model.backbone.model_name=resnet50 train_dataloader.batch_size=4"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file (Python; it is executed)")
    parser.add_argument("--work-dir", help="where logs, checkpoints and pictures go")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on from a checkpoint; without a path from the last one of the work dir",
    )
    parser.add_argument(
        "--amp", action="store_true", help="mixed precision, bfloat16 where the device can"
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--seed", type=int, help="seed of everything random")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values laid over the config, by dotted key",
    )
    # Set by launchers that start each process with it; torchrun uses the environment.
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Train."""
    args = parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.engine import load_config, run_command, train

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        train(config, args.work_dir, args.resume, args.amp, args.launcher, args.seed)

    run_command(command)


if __name__ == "__main__":
    main()
