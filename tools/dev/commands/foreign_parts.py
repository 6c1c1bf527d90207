"""Write the page about parts of mmseg and MMEngine: which are honoured, which refused.

Each loss is tried on a few pixels; the rest is what the checks of a config say.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import command_parser

EXAMPLE = "python tools/dev/commands/foreign_parts.py --out docs/foreign_parts.md"


def main() -> None:
    """Try and write."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument(
        "--out",
        default="docs/foreign_parts.md",
        metavar="FILE",
        help="default: docs/foreign_parts.md",
    )
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.foreign_parts import write_foreign_page

    from mtl_plugins.utils import run_command

    run_command(write_foreign_page, args.out)


if __name__ == "__main__":
    main()
