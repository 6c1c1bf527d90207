"""Print how fast images are evaluated, and in how much memory, against mmseg with the same network.

mmseg needs a model for classes (EncoderDecoder, IoUMetric) and one for depth (DepthEstimator,
DepthMetric), and its test-time augmentation (SegTTAModel) knows classes alone. Images are random.
"""

from __future__ import annotations

from arguments import command_parser

EXAMPLE = "python tools/evaluation_speed.py --size 1024 2048 --images 4"


def main() -> None:
    """Measure and print."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "--size", nargs=2, type=int, default=[1024, 2048], metavar=("HEIGHT", "WIDTH"),
        help="pixels; default: 1024 2048",
    )  # fmt: skip
    parser.add_argument("--images", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="turns; default: %(default)s")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.engine import run_command
    from mtl_plugins.engine.evaluation_speed_table import report_evaluation_speed

    run_command(report_evaluation_speed, tuple(args.size), args.images, args.repeats, args.device)


if __name__ == "__main__":
    main()
