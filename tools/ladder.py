"""Train configs with several seeds and compare them step by step.

Each run is its own process with the work dir OUT/<config name>/seed<k>. Called again with the same
arguments, an interrupted study continues. At the end OUT holds ladder.csv, ladder.md and
ladder.png; each step is compared with the config before it. If there are configs of a single task,
OUT/baselines.json holds the results of the first of each task, and the report the Delta_m against
them.
"""

from __future__ import annotations

import os.path as osp

from arguments import add_config, add_size, command_parser

EXAMPLE = """LADDER_SIZE=small python tools/ladder.py configs/ladder/b*.py --out work_dirs/ladder \\
      --seeds 0 1 2"""


def main() -> None:
    sets = dict(out=["work_dir"], seeds=["randomness.seed"])
    parser = command_parser(__doc__, EXAMPLE, sets)
    add_config(parser, several=True)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for runs and report")
    parser.add_argument(
        "--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="SEED", help="default: 0 1 2"
    )
    add_size(parser, 128, 256, "size of the image that GMACs are counted for, in pixels")
    parser.add_argument(
        "--report-only", action="store_true", help="train nothing; report the runs that have ended"
    )
    parser.add_argument(
        "--baselines",
        metavar="FILE",
        help="baselines.json of a study with single-task configs; adds Delta_m (default: this "
        "study's own single-task configs)",
    )
    args = parser.parse_args()
    from mtl_plugins.evaluation import Baselines
    from mtl_plugins.studies.ladder import Ladder, study
    from mtl_plugins.utils import run_command

    def command() -> None:
        ladder = Ladder(args.config, args.out, args.seeds, args.cfg_options)
        baselines = Baselines.read(args.baselines) if args.baselines else None
        script = None if args.report_only else osp.join(osp.dirname(__file__), "train.py")
        study(ladder, tuple(args.size), script, baselines)

    run_command(command)


if __name__ == "__main__":
    main()
