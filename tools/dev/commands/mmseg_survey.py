"""Train and predict with the networks of mmseg's own configs, made multi-task by the tutorial.

Every kind of network in mmseg's wheel (backbone, neck and decode heads) is tried once, the
smallest of its configs, for one step with random images. Nothing is fetched. A second call with
the same file goes on where an interrupted one ended.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import command_parser

EXAMPLE = "python tools/dev/commands/mmseg_survey.py --out work_dirs/mmseg.json --markdown m.md"


def main() -> None:
    """Try, then print a table and the counts."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("families", nargs="*", help="folders of mmseg's configs (default: all)")
    parser.add_argument("--out", required=True, metavar="FILE", help="JSON file of the outcomes")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table as Markdown")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.mmseg_survey import report, survey

    from mtl_plugins.utils import run_command

    run_command(lambda: report(survey(args.out, args.families), args.markdown))


if __name__ == "__main__":
    main()
