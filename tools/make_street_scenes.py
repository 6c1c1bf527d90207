"""Render StreetScenes, the built-in training data, into a folder."""

from __future__ import annotations

from pathlib import Path

from arguments import add_size, command_parser

EXAMPLE = "python tools/make_street_scenes.py data/street_scenes --train 800 --val 120"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("root", type=Path, help="folder to write to; a finished one is kept")
    parser.add_argument("--train", type=int, default=800, help="training scenes (default: 800)")
    parser.add_argument("--val", type=int, default=120, help="validation scenes (default: 120)")
    add_size(parser, 128, 256, "pixels")
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed gives other scenes (default: 0)"
    )
    parser.add_argument("--workers", type=int, help="processes (default: one a CPU)")
    args = parser.parse_args()
    from mtl_plugins.street_scenes import ensure_street_scenes
    from mtl_plugins.utils import run_command

    counts = {"train": args.train, "val": args.val}
    written = run_command(
        ensure_street_scenes, args.root, counts, tuple(args.size), args.seed, args.workers
    )
    print(f"{args.root}: {'written' if written else 'already there, nothing to do'}")


if __name__ == "__main__":
    main()
