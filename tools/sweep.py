"""Study the options of a config: train it many times with different values.

SPACE.py defines space(trial), which suggests values with Optuna's trial.suggest_... and returns
config options by dotted key; see configs/sweeps/report_a.py. Each training is a process of its own
in OUT/trial_<number>. A second call with the same arguments continues an interrupted study; a call
in another terminal helps a running one. At the end, OUT holds sweep.csv, values.csv, sweep.md,
importance.png and parallel_coordinates.png.
"""

from __future__ import annotations

import os.path as osp

from arguments import add_config, command_parser

EXAMPLE = """python tools/sweep.py configs/mtl_branched.py configs/sweeps/report_a.py \\
      --out work_dirs/sweep --trials 36 --cfg-options train_cfg.max_epochs=2"""


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE, dict(out=["work_dir"]))
    add_config(parser)
    parser.add_argument("space", help="search space file (Python; it is executed)")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder of the runs and the report"
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=20,
        metavar="N",
        help="number of trials of all workers together (default: 20)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="trials at once on this machine (default: 1)",
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="database shared by the workers, such as postgresql://user:password@host/name "
        "(default: the file OUT/sweep.db)",
    )
    parser.add_argument(
        "--study", metavar="NAME", help="name of the study (default: made from config and space)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampler (default: 0)")
    parser.add_argument(
        "--heartbeat",
        type=int,
        default=10,
        metavar="SECONDS",
        help="time between a worker's heartbeats; a worker that misses six counts as dead, and its "
        "trials are repeated (default: 10)",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="train nothing, only write the report"
    )
    args = parser.parse_args()
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
