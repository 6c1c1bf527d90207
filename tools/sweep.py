"""Study the options of a config: many trainings, each with other values.

SPACE.py defines space(trial), which suggests values by Optuna's trial.suggest_... and returns
config options by dotted key; see configs/sweeps/report_a.py. Every training is a process of its
own under OUT/trial_<number>. Called again with the same arguments, the study goes on where it was
interrupted; called in another terminal meanwhile, it helps. At the end, OUT holds sweep.csv,
values.csv, sweep.md, importance.png and parallel_coordinates.png.
"""

from __future__ import annotations

import os.path as osp

from arguments import add_config, command_parser

EXAMPLE = """python tools/sweep.py configs/mtl_branched.py configs/sweeps/report_a.py \\
      --out work_dirs/sweep --trials 36 --cfg-options train_cfg.max_epochs=2"""


def main() -> None:
    """Run the trials that are missing, and report."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("space", help="file of the search space (Python; it is executed)")
    parser.add_argument("--out", required=True, metavar="DIR", help="where runs and report go")
    parser.add_argument(
        "--trials", type=int, default=20, metavar="N", help="of all workers together (default: 20)"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="trials at once on this machine"
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="database that the workers share, such as postgresql://user:password@host/name "
        "(default: the file OUT/sweep.db)",
    )
    parser.add_argument(
        "--study", metavar="NAME", help="its name there (default: those of config and space)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of values (default: 0)")
    parser.add_argument(
        "--heartbeat",
        type=int,
        default=10,
        metavar="SECONDS",
        help="between a worker's signs of life; without six of them it is taken for dead, and its "
        "trial is repeated (default: 10)",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="train nothing, report what there is"
    )
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.config import load_config
    from mtl_plugins.utils import run_command

    def command() -> None:
        from mtl_plugins.studies.sweep import Sweep, load_space, run_sweep

        space = load_space(args.space, load_config(args.config, args.cfg_options))
        sweep = Sweep(
            args.config, space, args.out, args.trials, args.storage, args.study,
            args.cfg_options, args.seed, args.heartbeat,
        )  # fmt: skip
        script = None if args.report_only else osp.join(osp.dirname(__file__), "train.py")
        run_sweep(sweep, script, args.jobs)

    run_command(command)


if __name__ == "__main__":
    main()
