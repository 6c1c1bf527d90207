"""Print a config as a run on this machine uses it, with its bases and the command line's values.

With --source every value gets its own row, with the file and line that set it. With --diff only the
differences from another config are printed. --json prints JSON, which every command reads as data:
`tools/print_config.py theirs.py --safe --json > theirs.json`."""

from __future__ import annotations

from arguments import add_config, command_parser

EXAMPLE = """python tools/print_config.py configs/mtl_normals.py --source --key model.decode_head
  python tools/print_config.py configs/mtl_branched.py --diff configs/mtl_joint.py"""


def main() -> None:
    parser = command_parser(__doc__, EXAMPLE)
    add_config(parser)
    parser.add_argument("--key", default="", help="print only this part, such as model.backbone")
    parser.add_argument("--source", action="store_true", help="print where each value was set")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--diff",
        metavar="OTHER",
        help="print the differences from this config, to which --cfg-options do not apply",
    )
    parser.add_argument(
        "--safe",
        action="store_true",
        help="execute nothing: read Python as plain values, as in the config.py of a work dir",
    )
    args = parser.parse_args()
    from mtl_plugins.config import print_config
    from mtl_plugins.utils import run_command

    run_command(
        print_config, args.config, args.cfg_options, args.key, args.source, args.json, args.diff,
        args.safe,
    )  # fmt: skip


if __name__ == "__main__":
    main()
