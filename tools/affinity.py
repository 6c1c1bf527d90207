"""Say which tasks of a config help and hurt each other, before you add one.

Trains the first epoch of the config, in one process and without validation. About 50 times it
measures the cosine of the tasks' gradients at the features that they share, and how a step along
one task's gradient alone changes the loss of each other task; the training is the same without it.
The work dir gets affinity.csv, affinity.json and affinity.png, the terminal a table. Ctrl-C ends
early and reports what was measured. No weights are saved. To measure a trained network, set
load_from.
"""

from __future__ import annotations

from arguments import add_config, command_parser

EXAMPLE = """python tools/affinity.py configs/mtl_five_tasks.py --work-dir work_dirs/affinity \\
      --cfg-options train_dataloader.batch_size=4"""


def main() -> None:
    sets = dict(work_dir=["work_dir"], seed=["randomness.seed"])
    parser = command_parser(__doc__, EXAMPLE, sets)
    add_config(parser)
    parser.add_argument(
        "--work-dir",
        help="folder of the report, new or empty (default: work_dirs/affinity/<config name>)",
    )
    parser.add_argument(
        "--every", type=int, metavar="N",
        help="iterations between two measurements (default: those that give about 50)",
    )  # fmt: skip
    parser.add_argument(
        "--step", type=float, default=3e-5, metavar="SHARE",
        help="length of a step, relative to that of the shared weights (default: 3e-5)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="seed of all random numbers")
    args = parser.parse_args()
    from mtl_plugins.utils import run_command

    def command() -> None:
        from mtl_plugins.studies.affinity import study_affinity

        study_affinity(
            args.config, args.work_dir, args.every, args.step, args.seed, args.cfg_options
        )

    run_command(command)


if __name__ == "__main__":
    main()
