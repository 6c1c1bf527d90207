"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import sys
from typing import Any


class _Parser(argparse.ArgumentParser):
    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        parsed = super().parse_args(*args, **kwargs)
        # Importing torch and mmseg comes next and takes seconds; `run_command` wipes this off.
        if sys.stderr.isatty():
            print("loading ...", end="\r", file=sys.stderr, flush=True)
        return parsed


def command_parser(description: str | None, example: str) -> argparse.ArgumentParser:
    """Return a parser whose help ends with an example call of the command."""
    return _Parser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_config(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the config file (or several) and the values laid over it."""
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
        help="values laid over the config, by dotted key",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add where results go and how processes are launched."""
    parser.add_argument("--work-dir", help="where logs, checkpoints and pictures go")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    # Set by launchers that start each process with it; torchrun uses the environment.
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)


def add_size(
    parser: argparse.ArgumentParser,
    height: int,
    width: int,
    what: str = "size of the images in pixels",
) -> None:
    """Add the size of images, with its default."""
    parser.add_argument(
        "--size",
        nargs=2,
        type=int,
        default=[height, width],
        metavar=("HEIGHT", "WIDTH"),
        help=f"{what} (default: {height} {width})",
    )
