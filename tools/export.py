"""Export a checkpoint as ONNX, as a program of torch.export or as safetensors.

The exported model takes any number of images of any size (or of --size), and is compared with the
model that it was exported from on several of both: the differences are printed, and too large ones
are an error.
Without a config the checkpoint's own is read, as data.
"""

from __future__ import annotations

from arguments import CONFIG_FILES, add_options, command_parser

EXAMPLE = """python tools/export.py configs/mtl_branched.py work_dirs/mtl_branched/epoch_4.pth \\
      --out model.onnx --preprocess"""


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    trained = f"config file that it was trained with {CONFIG_FILES}"
    parser.add_argument("config", nargs="?", help=trained)
    parser.add_argument("checkpoint", help="checkpoint (.pth)")
    parser.add_argument(
        "--format",
        choices=["onnx", "torch", "safetensors"],
        help="default: by the suffix of --out (.onnx, .pt2, .safetensors), else onnx",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="default: the checkpoint's name with the format's suffix"
    )
    parser.add_argument(
        "--preprocess",
        action="store_true",
        help="normalise inside: the model takes N,H,W,3 uint8 in BGR, not N,3,H,W float32",
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="take images of this size alone, for networks that cannot be traced for all sizes",
    )
    parser.add_argument(
        "--extras",
        nargs="+",
        default=[],
        choices=["confidence", "probability"],
        help="further outputs of classes and masks: <task>_confidence, <task>_probability",
    )
    add_options(parser)
    args = parser.parse_args()
    from mtl_plugins.inference.export import export
    from mtl_plugins.utils import run_command

    how = {name: vars(args)[name] for name in ("format", "out", "preprocess", "size", "extras")}
    run_command(export, args.checkpoint, args.config, args.cfg_options, **how)


if __name__ == "__main__":
    main()
