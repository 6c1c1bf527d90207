"""Draw samples as training gets them: augmented, with all their targets, one picture each.

A picture shows image, labels, depth and normals after the pipeline and the preprocessor. It is
determined by seed, epoch and sample, and shows what a training run with that seed gets.
"""

from __future__ import annotations

from arguments import add_config, add_packed, add_split, command_parser

EXAMPLE = "python tools/browse_data.py configs/mtl_branched.py --out work_dirs/browse --epoch 2"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE, dict(seed=["randomness.seed"]))
    add_config(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the pictures")
    add_split(parser)
    parser.add_argument(
        "--num", type=int, default=16, help="number of pictures; default: %(default)s"
    )
    parser.add_argument("--epoch", type=int, default=0, help="from 0; default: %(default)s")
    parser.add_argument("--seed", type=int, help="seed of the run; default: the config's, or 0")
    add_packed(parser)
    args = parser.parse_args()
    from mtl_plugins.config import load_config, with_packed
    from mtl_plugins.data_tools import browse_data
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        if args.packed:
            config = with_packed(config, args.packed)
        files = browse_data(config, args.out, args.split, args.num, args.epoch, args.seed)
        print(f"{args.out}: {len(files)} pictures")

    run_command(command)


if __name__ == "__main__":
    main()
