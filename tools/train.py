"""Train a multi-task model from a config, on CPU or GPU."""

from __future__ import annotations

from arguments import add_config, add_packed, add_run, command_parser

EXAMPLE = """python tools/train.py configs/mtl_branched.py \\
      --cfg-options model.backbone.model_name=resnet50 train_dataloader.batch_size=4"""


SETS = {
    "work_dir": ["work_dir"],
    "launcher": ["launcher"],
    "seed": ["randomness.seed"],
    "amp": ["optim_wrapper.type"],
    "resume": ["resume"],
}


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE, SETS)
    add_config(parser)
    add_run(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="resume from a checkpoint; without a path from the last one of the work dir",
    )
    parser.add_argument(
        "--amp", action="store_true", help="mixed precision, bfloat16 if the device supports it"
    )
    parser.add_argument("--seed", type=int, help="seed of all random numbers")
    add_packed(parser)
    parser.add_argument(
        "--detect-anomaly",
        action="store_true",
        help="stop at the first operation whose gradient is NaN, and name it (slow)",
    )
    args = parser.parse_args()
    from mtl_plugins.config import load_config, with_packed
    from mtl_plugins.engine import train
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        if args.packed:
            config = with_packed(config, args.packed)
        options = args.amp, args.launcher, args.seed, args.detect_anomaly
        train(config, args.work_dir, args.resume, *options)

    run_command(command)


if __name__ == "__main__":
    main()
