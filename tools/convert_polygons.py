"""Convert polygons of COCO, labelme or YOLO to label files, one number a pixel.

The same command continues a conversion that was stopped. docs/datasets.md explains the classes."""

from __future__ import annotations

from arguments import command_parser

EXAMPLE = """python tools/convert_polygons.py annotations/instances_train.json data/mine/label/train
  python tools/convert_polygons.py labelme_files data/mine/label/train --classes road car"""


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "annotations", help="COCO file (.json), or folder of labelme (.json) or YOLO (.txt) files"
    )
    parser.add_argument("folder", help="where the label files go")
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        help="images, where the annotations lack their sizes (default: as YOLO lays them out)",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="classes in the order of their numbers; others become background (default: all)",
    )
    parser.add_argument(
        "--background",
        default="background",
        metavar="NAME",
        help="class of the pixels in no shape; 'none': they have no class (default: %(default)s)",
    )
    parser.add_argument(
        "--line-width",
        type=int,
        default=0,
        metavar="PIXELS",
        help="draw labelme's lines with this width (default: leave them out)",
    )
    args = parser.parse_args()
    if args.line_width < 0:
        parser.error("--line-width needs 0 or more")
    from mtl_plugins.data_tools import convert_polygons, report_conversion
    from mtl_plugins.utils import run_command

    def command() -> None:
        found = convert_polygons(
            args.annotations,
            args.folder,
            args.images,
            args.classes,
            args.background,
            args.line_width,
        )
        report_conversion(found, args.folder)

    run_command(command)


if __name__ == "__main__":
    main()
