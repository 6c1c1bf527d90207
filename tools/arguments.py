"""Parsers and arguments that several commands share."""

from __future__ import annotations

import argparse
import sys
from typing import Any


class _Parser(argparse.ArgumentParser):
    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        parsed = super().parse_args(*args, **kwargs)
        # Importing torch and mmseg takes seconds; `run_command` clears this line.
        if sys.stderr.isatty():
            print("loading ...", end="\r", file=sys.stderr, flush=True)
        return parsed


def command_parser(description: str | None, example: str) -> argparse.ArgumentParser:
    """Make a parser whose help ends with an example call of the command."""
    return _Parser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_config(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the config file (or several) and `--cfg-options`."""
    if several:
        parser.add_argument(
            "config", nargs="+", help="config files (Python is executed, JSON and YAML are read)"
        )
    else:
        parser.add_argument("config", help="config file (Python is executed, JSON or YAML is read)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values that override the config, by dotted key",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the work dir and the launcher."""
    parser.add_argument("--work-dir", help="folder for logs, checkpoints and pictures")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
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
