"""Predict images, folders, globs, videos and webcams with a trained network.

A checkpoint brings its own config, which is read as data and never executed. Without a choice of
kinds, panels, overlays, class ids, 16-bit depth and maps of images are written, and one video of
each video, with every task side by side. Inputs that cannot be read are listed at the end.
"""

from __future__ import annotations

import argparse
import runpy
from pathlib import Path

from arguments import CONFIG_FILES, add_options, command_parser

EXAMPLE = """python tools/predict.py work_dirs/mtl_branched/epoch_4.pth street.jpg folder/ \\
      'clips/*.mp4' --out predictions"""
KINDS = Path(__file__).resolve().parents[1] / "mtl_plugins" / "inference" / "kinds.py"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("model", help="checkpoint (.pth), or exported network (.onnx, .pt2)")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="input",
        help="image, video, folder, glob in quotes, index of a webcam (ends with Ctrl-C), or - for "
        "an image file at standard input",
    )
    parser.add_argument(
        "--out",
        default="predictions",
        metavar="DIR",
        help="a new or empty folder, or one of earlier predictions (default: predictions)",
    )
    # Read by its path: importing the package takes seconds, and --help must answer at once.
    for name, kind in runpy.run_path(str(KINDS))["KINDS"].items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, dest="kinds", action="append_const", const=name, help=kind.help)
    parser.add_argument("--config", help=f"config of the checkpoint {CONFIG_FILES}")
    add_options(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: cuda if there)")
    parser.add_argument("--batch", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument("--amp", action="store_true", help="mixed precision")
    parser.add_argument(
        "--depth-range",
        nargs=2,
        type=float,
        metavar=("NEAR", "FAR"),
        help="ends of the colours of distances (default: the range of the data set, if it has one, "
        "else of each image or first frame)",
    )
    parser.add_argument(
        "--depth-log",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether equal ratios of distances are equally far apart in colour (default: yes)",
    )
    parser.add_argument(
        "--depth-scale",
        type=float,
        default=0.01,
        metavar="METRES",
        help="of a step of the 16-bit depth (default: 0.01; KITTI: 0.00390625)",
    )
    args = parser.parse_args()
    from mtl_plugins.inference import predict
    from mtl_plugins.utils import run_command

    network = dict(config=args.config, device=args.device, batch_size=args.batch, amp=args.amp)
    network["options"] = args.cfg_options
    output = {key: vars(args)[key] for key in ("kinds", "depth_range", "depth_log", "depth_scale")}
    run_command(predict, args.model, args.inputs, args.out, network, output)


if __name__ == "__main__":
    main()
