"""Try one small model of every module of timm as the encoder.

Each trains a step and predicts an image of another size, in a small multi-task network with random
weights; nothing is fetched. The results are appended to a file, and modules that it has are not
tried again, so that an interrupted survey goes on.
"""

from __future__ import annotations

import tools_path  # noqa: F401
from arguments import command_parser

EXAMPLE = "python tools/dev/commands/timm_survey.py --out work_dirs/timm.jsonl --modules swin xcit"


def main() -> None:
    """Try, store and print."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("--out", required=True, metavar="FILE", help="results, one JSON per line")
    parser.add_argument(
        "--modules", nargs="+", default=[], metavar="NAME", help="default: all of timm's"
    )
    parser.add_argument("--markdown", metavar="FILE", help="also write the table as Markdown")
    parser.add_argument("--here", action="store_true", help="try in this process and print nothing")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from mtl_plugins.utils import run_command

    def command() -> None:
        from dev.timm_survey import report_survey, survey_here

        if args.here:
            survey_here(args.modules, args.out)
        else:
            report_survey(args.modules, args.out, args.markdown)

    run_command(command)


if __name__ == "__main__":
    main()
