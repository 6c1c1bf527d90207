"""Parsers and arguments that several commands share.

Commands import the package after they have parsed their arguments, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

CONFIG_FILES = "(Python is executed, JSON or YAML is read)"


class _Parser(argparse.ArgumentParser):
    sets: Mapping[str, Sequence[str]] = {}

    def error(self, message: str) -> NoReturn:
        if unknown := re.search(r"unrecognized arguments: (-*)([^\s=]+)(=?)", message):
            dashes, name, value = unknown.groups()
            near = difflib.get_close_matches(dashes + name, self._option_string_actions, 1)
            if value and not dashes and "--cfg-options" in self._option_string_actions:
                near = [f"--cfg-options {name}=..."]
            message += f". Did you mean {near[0]}?" if near else ". See --help."
        super().error(message)

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        parsed = super().parse_args(*args, **kwargs)
        for name, keys in self.sets.items():
            value = getattr(parsed, name)
            for option in parsed.cfg_options if value not in (None, False, []) else ():
                key, _, text = option.partition("=")
                part = [k for k in keys if k.startswith(f"{key}.") and k.split(".")[-1] in text]
                same = text == str(value) and not isinstance(value, bool)
                if part or (key in keys and not same):
                    flag = "--" + name.replace("_", "-")
                    self.error(f"{flag} and --cfg-options {option} set the same; give one of them")
        # Importing torch and mmseg takes seconds; `run_command` clears this line.
        if sys.stderr.isatty():
            print("loading ...", end="\r", file=sys.stderr, flush=True)
        return parsed


def command_parser(
    description: str | None, example: str, sets: Mapping[str, Sequence[str]] | None = None
) -> argparse.ArgumentParser:
    """Make a parser whose help ends with an example call of the command.

    Args:
        sets: keys of the config that an argument sets; `--cfg-options` must not set them as well.
    """
    parser = _Parser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.sets = sets or {}
    return parser


def add_config(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the config file (or several) and `--cfg-options`."""
    if several:
        parser.add_argument("config", nargs="+", help=f"config files {CONFIG_FILES}")
    else:
        parser.add_argument("config", help=f"config file {CONFIG_FILES}")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--cfg-options`."""
    text = "values that override the config, by dotted key"
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help=text)


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add `--split`, for commands that read one split."""
    parser.add_argument("--split", choices=["train", "val", "test"], default="train")


def add_packed(parser: argparse.ArgumentParser) -> None:
    """Add `--packed`."""
    text = "read the data that tools/pack_data.py packed into this folder, many times faster"
    parser.add_argument("--packed", metavar="FOLDER", help=text)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the work dir and the launcher."""
    parser.add_argument("--work-dir", help="folder for logs, checkpoints and pictures")
    launchers = ["none", "pytorch", "slurm", "mpi"]
    parser.add_argument("--launcher", choices=launchers, help="default: the config's, or none")
    # Some launchers pass it to each process; torchrun uses the environment.
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)


def add_size(
    parser: argparse.ArgumentParser,
    height: int,
    width: int,
    what: str = "size of the images in pixels",
) -> None:
    """Add the size of images, with a default."""
    parser.add_argument(
        "--size",
        nargs=2,
        type=int,
        default=[height, width],
        metavar=("HEIGHT", "WIDTH"),
        help=f"{what} (default: {height} {width})",
    )
