"""Pack the data sets of a config into memory-mapped shards, which are read many times faster.

The same command continues a packing that was stopped; finished shards with the right checksum are
kept."""

from __future__ import annotations

from arguments import add_config, command_parser

EXAMPLE = """python tools/pack_data.py configs/mtl_branched.py data/packed
  python tools/train.py configs/mtl_branched.py --packed data/packed"""


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("folder", help="where the shards go, one folder a data set")
    parser.add_argument(
        "--samples-per-shard", type=int, default=256, help="default: %(default)s samples"
    )
    parser.add_argument(
        "--workers", type=int, default=2, help="threads that read files; default: %(default)s"
    )
    args = parser.parse_args()
    if min(args.samples_per_shard, args.workers) < 1:
        parser.error("--samples-per-shard and --workers need 1 or more")
    from mtl_plugins.config import load_config
    from mtl_plugins.data_tools import report_packing
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        report_packing(
            config, args.folder, samples_per_shard=args.samples_per_shard, workers=args.workers
        )

    run_command(command)


if __name__ == "__main__":
    main()
