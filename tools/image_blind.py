"""Score a predictor that ignores the image on the data of a config.

It predicts the most frequent class, the median number (depth, offset) and the mean direction of
each pixel position in the training split. A network must score clearly better.
"""

from __future__ import annotations

from arguments import add_config, command_parser

EXAMPLE = "python tools/image_blind.py configs/mtl_branched.py"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    args = parser.parse_args()
    from mmengine.evaluator import Evaluator

    from mtl_plugins.config import build_dataset, load_config
    from mtl_plugins.evaluation import configured_metric, image_blind_scores
    from mtl_plugins.report import show_metrics
    from mtl_plugins.utils import run_command

    def command() -> None:
        config = load_config(args.config, args.cfg_options)
        train, val = (build_dataset(config, split) for split in ("train", "val"))
        metric = configured_metric(Evaluator(config.val_evaluator).metrics)
        show_metrics("image-blind", image_blind_scores(train, val, metric))

    run_command(command)


if __name__ == "__main__":
    main()
