"""Export the models of configs, and variants of the first one, and compare their predictions.

Weights and images are random; nothing is fetched. The table shows the batch that agrees least for
each task: the share of pixels with the same class or nearly the same normal, and the largest
relative difference of depth.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import add_config, command_parser

EXAMPLE = """python tools/dev/commands/export_matrix.py configs/mtl_branched.py \\
      configs/ladder/*.py --backbones convnext_tiny vit_small_patch16_224 --markdown export.md"""


def main() -> None:
    """Export, compare and print."""
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser, several=True)
    parser.add_argument(
        "--backbones",
        nargs="+",
        default=[],
        metavar="NAME",
        help="timm's, in the first config",
    )
    parser.add_argument("--formats", nargs="+", choices=["onnx", "torch"], help="default: both")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="networks whose name contains it"
    )
    parser.add_argument("--preprocess", action="store_true", help="normalise inside the model")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table as Markdown")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.export_matrix import networks, report_exports

    from mtl_plugins.config import final_config
    from mtl_plugins.utils import run_command

    def command() -> None:
        configs = {path: final_config(path, args.cfg_options) for path in args.config}
        models = networks(configs, args.backbones)
        chosen = {name: model for name, model in models.items() if args.only in name}
        report_exports(chosen, args.formats, args.preprocess, args.markdown)

    run_command(command)


if __name__ == "__main__":
    main()
