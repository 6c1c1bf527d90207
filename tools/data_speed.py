"""Print how many samples a second one core loads, packed and from files, against mmseg.

Renders street scenes, packs them, and lets every way take turns over them."""

from __future__ import annotations

from arguments import command_parser

EXAMPLE = "python tools/data_speed.py --size 512 1024 --crop 256 256"


def main() -> None:
    """Measure and print."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("--root", default="data/data_speed", help="where the scenes are rendered")
    pair = dict(nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--size", default=[512, 1024], help="of the scenes, pixels", **pair)
    parser.add_argument("--crop", default=[256, 256], help="pixels", **pair)
    parser.add_argument("--samples", type=int, default=32, help="scenes; default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="turns; default: %(default)s")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.engine import run_command
    from mtl_plugins.engine.data_speed import report_data_speed

    scenes = dict(counts=dict(train=args.samples, val=1), size=tuple(args.size), seed=0)
    run_command(report_data_speed, args.root, scenes, args.crop, args.repeats, args.device)


if __name__ == "__main__":
    main()
