"""Predict images, folders, globs, videos and webcams with a trained network.

A checkpoint brings its own config, which is read as data and never executed. Without a choice of
kinds, panels, overlays, class ids and 16-bit depth of images are written, and of videos one video:
image | classes | depth | normals. Inputs that cannot be read are listed at the end.
"""

from __future__ import annotations

from arguments import command_parser

EXAMPLE = """python tools/predict.py work_dirs/mtl_branched/epoch_4.pth street.jpg folder/ \\
      'clips/*.mp4' --out predictions"""
KINDS = {
    "panel": "image and predictions with their keys, in one picture",
    "overlay": "colours of the classes over the image",
    "labels": "class ids as 8-bit PNG",
    "depth": "depth as 16-bit PNG, see --depth-scale; 0: none",
    "depth-color": "depth in colours, with a colour bar",
    "normals": "normals as 8-bit PNG, (x, y, z) = value / 127.5 - 1",
    "maps": "every other task's values as .npy, in a folder for each kind",
    "video": "image | classes | depth | normals of a video, side by side",
}


def main() -> None:
    """Predict and say what was written."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("model", help="checkpoint (.pth), or exported network (.onnx, .pt2)")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="input",
        help="image, video, folder, glob in quotes, or index of a webcam (ends with Ctrl-C)",
    )
    parser.add_argument(
        "--out",
        default="predictions",
        metavar="DIR",
        help="a new or empty folder, or one of earlier predictions (default: predictions)",
    )
    for kind, text in KINDS.items():
        parser.add_argument(f"--{kind}", dest="kinds", action="append_const", help=text,
                            const=kind.replace("-", "_"))  # fmt: skip
    parser.add_argument(
        "--config", help="config of the checkpoint (Python is executed, JSON or YAML is read)"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values laid over --config, by dotted key",
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: cuda if there)")
    parser.add_argument("--batch", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument("--amp", action="store_true", help="mixed precision")
    parser.add_argument(
        "--depth-range",
        nargs=2,
        type=float,
        metavar=("NEAR", "FAR"),
        help="ends of the colours of depth (default: of each image; of a video its first frame)",
    )
    parser.add_argument("--depth-log", action="store_true", help="logarithmic colours of depth")
    parser.add_argument(
        "--depth-scale",
        type=float,
        default=0.01,
        metavar="METRES",
        help="of a step of the 16-bit depth (default: 0.01; KITTI: 0.00390625)",
    )
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.inference import predict
    from mtl_plugins.utils import run_command

    run_command(
        predict,
        args.model,
        args.inputs,
        args.out,
        dict(
            config=args.config,
            device=args.device,
            batch_size=args.batch,
            amp=args.amp,
            options=args.cfg_options,
        ),
        dict(
            kinds=args.kinds,
            depth_range=args.depth_range,
            depth_log=args.depth_log,
            depth_scale=args.depth_scale,
        ),
    )


if __name__ == "__main__":
    main()
