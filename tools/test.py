"""Evaluate a checkpoint on the test data of a config.

Prints the metrics, those of every class among them. Images are seen whole or, with --slide, in
windows; with --tta in several sizes and mirrored. Nothing but sums is kept while it runs.
"""

from __future__ import annotations

from arguments import add_config, add_run, command_parser

EXAMPLE = """python tools/test.py configs/mtl_branched.py work_dirs/mtl_branched/epoch_4.pth \\
      --tta 0.75 1 1.25 --json results.json --save predictions --show-dir panels"""


VIEWS = "model.test_cfg"
SETS = {
    "work_dir": ["work_dir"],
    "launcher": ["launcher"],
    "tta": [f"{VIEWS}.tta.scales"],
    "no_flip": [f"{VIEWS}.tta.flip"],
    "merge": [f"{VIEWS}.tta.merge"],
    "slide": [f"{VIEWS}.mode", f"{VIEWS}.crop_size", f"{VIEWS}.stride"],
    "show_dir": ["default_hooks.panels.folder", "default_hooks.panels.num_images"],
    "save": ["default_hooks.save_predictions.folder"],
}


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE, SETS)
    add_config(parser)
    parser.add_argument("checkpoint", help="checkpoint (.pth) of a model of this config")
    parser.add_argument(
        "--tta",
        nargs="*",
        type=float,
        metavar="SCALE",
        help="merge predictions of several sizes (default: the config's, or 0.75 1 1.25), each "
        "also mirrored",
    )
    parser.add_argument("--no-flip", action="store_true", help="with --tta: do not mirror")
    parser.add_argument(
        "--merge",
        choices=["mean", "max"],
        help="with --tta: of class probabilities and metres; default: the config's, or mean",
    )
    parser.add_argument(
        "--slide",
        nargs=2,
        type=int,
        metavar=("HEIGHT", "WIDTH"),
        help="windows of this many pixels, two thirds of a window apart",
    )
    parser.add_argument("--json", metavar="FILE", help="also write all results there")
    parser.add_argument(
        "--per-image", metavar="FILE", help="also write the metrics of every image there, as CSV"
    )
    parser.add_argument("--show-dir", metavar="DIR", help="draw a panel of every image there")
    parser.add_argument(
        "--save",
        metavar="DIR",
        help="write every prediction there, in the layout and encoding of the data set",
    )
    parser.add_argument(
        "--baselines", metavar="FILE", help="baselines.json of tools/ladder.py; adds Delta_m"
    )
    add_run(parser)
    args = parser.parse_args()
    if args.tta is None and (args.no_flip or args.merge):
        parser.error("--no-flip and --merge go with --tta")
    from mtl_plugins.config import load_config, with_pictures, with_views
    from mtl_plugins.engine import evaluate
    from mtl_plugins.evaluation import Baselines
    from mtl_plugins.report import show_metrics
    from mtl_plugins.utils import run_command

    def command() -> None:
        baselines = Baselines.read(args.baselines) if args.baselines else None
        config = load_config(args.config, args.cfg_options)
        flip = False if args.no_flip else None
        config = with_views(config, args.tta, flip, args.merge, args.slide)
        config = with_pictures(config, args.show_dir, args.save)
        metrics = evaluate(
            config,
            args.checkpoint,
            args.work_dir,
            args.launcher,
            args.json,
            per_image=args.per_image,
        )
        show_metrics("checkpoint", metrics)
        for name, gain in (baselines.delta_m(metrics) if baselines else {}).items():
            print(f"{name}: {gain:+.2f}")

    run_command(command)


if __name__ == "__main__":
    main()
