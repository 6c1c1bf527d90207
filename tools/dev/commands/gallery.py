"""Write the gallery of configs: purpose, data, parameters, GMACs and results of each.

Networks are built with random weights and get one blank image; nothing is fetched or trained.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import command_parser

EXAMPLE = "python tools/dev/commands/gallery.py --out docs/gallery.md"


def main() -> None:
    """Count and write."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("--configs", default="configs", metavar="FOLDER", help="default: configs")
    parser.add_argument(
        "--out", default="docs/gallery.md", metavar="FILE", help="default: docs/gallery.md"
    )
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.config_gallery import write_gallery

    from mtl_plugins.utils import run_command

    run_command(write_gallery, args.configs, args.out)


if __name__ == "__main__":
    main()
