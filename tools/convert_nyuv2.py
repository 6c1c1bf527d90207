"""Convert NYUv2's labelled .mat file to folders of images, classes and depth.

The same command continues a conversion that was stopped. docs/datasets.md lists the downloads."""

from __future__ import annotations

from pathlib import Path

from arguments import command_parser

EXAMPLE = "python tools/convert_nyuv2.py downloads/nyu_depth_v2_labeled.mat data/nyuv2"


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("mat", type=Path, help="nyu_depth_v2_labeled.mat")
    parser.add_argument("root", help="folder to write to")
    parser.add_argument("--splits", metavar="FILE", help="default: splits.mat beside MAT")
    parser.add_argument("--classes", metavar="FILE", help="default: classMapping40.mat beside MAT")
    args = parser.parse_args()
    from mtl_plugins.datasets.catalog import convert_nyuv2
    from mtl_plugins.utils import run_command

    splits = args.splits or str(args.mat.with_name("splits.mat"))
    classes = args.classes or str(args.mat.with_name("classMapping40.mat"))
    counts = run_command(convert_nyuv2, str(args.mat), splits, classes, args.root)
    print(f"{args.root}: {counts['train']} scenes to train, {counts['test']} to test.")


if __name__ == "__main__":
    main()
