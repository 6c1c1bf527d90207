"""Run the suite on several stacks of versions, each in its own environment.

OUT/versions.md is the table of all results so far: installed versions, and counts of passed, failed
and skipped tests. Called again, a stack that has a result with the same arguments is not run again.
uv makes the environments and reads its own variables (UV_FIND_LINKS, UV_CACHE_DIR); the Pythons
must be on the PATH.
"""

from __future__ import annotations

import shlex

import tools_path  # noqa: F401
from arguments import command_parser

EXAMPLE = """python tools/dev/commands/versions.py onedl lower-bounds --out build/versions
  python tools/dev/commands/versions.py --args "-n 1 tests/models tests/datasets\""""


def main() -> None:
    """Install, test and print."""
    parser = command_parser(__doc__, EXAMPLE)
    parser.add_argument("stack", nargs="*", help="names of STACKS in tools/dev/versions; all")
    parser.add_argument("--out", default="build/versions", metavar="DIR", help="%(default)s")
    parser.add_argument(
        "--args", default="", metavar='"ARGS"', help="for pytest; default: every test"
    )
    parser.add_argument("--again", action="store_true", help="also run stacks that have a result")
    parser.add_argument("--keep", action="store_true", help="keep the environments (gigabytes)")
    args = parser.parse_args()
    # Imported late, so that --help answers at once.
    from dev.versions import chosen_stacks, report_trials, try_stacks

    from mtl_plugins.utils import run_command

    def command() -> None:
        stacks = chosen_stacks(args.stack)
        trials = try_stacks(stacks, args.out, shlex.split(args.args), args.again, args.keep)
        report_trials(trials, args.out)

    run_command(command)


if __name__ == "__main__":
    main()
