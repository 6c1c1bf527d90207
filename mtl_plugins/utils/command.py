"""Run a command so that it ends with a message a user can act on, not with a traceback."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.logging import print_log

from ..errors import MTLError


def run_command(command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a command; print errors that a user can fix as one message and exit with 1.

    An error may have its own `exit_code` (`LostProcessError`). Ctrl-C exits with 130, or with 75
    if a training saved its state (`InterruptHook`).

    Errors from the data loader's worker processes hold the worker's traceback in their text; only
    the message at its end is printed. Errors about a file are printed with its path. Unforeseen
    errors keep their traceback.
    """
    if sys.stderr.isatty():
        # Clear the "loading ..." that `arguments.py` printed before the imports.
        print("\033[2K", end="\r", file=sys.stderr, flush=True)
    try:
        return command(*args, **kwargs)
    except (MTLError, OSError, ImportError) as error:
        text = _message(error)
        if text is None:
            raise
        print(f"\nerror: {text}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)  # 128 + SIGINT, as shells do


def _message(error: Exception) -> str | None:
    """Return the message for the user; None if the error is neither ours nor about a file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, (MTLError, FileNotFoundError, ImportError)):
        return re.split(r"\n(?:[\w.]+\.)?\w*Error: ", str(error))[-1].strip()
    return None


@contextmanager
def no_logs(level: int = logging.WARNING) -> Iterator[None]:
    """Write no messages of this level and below, of any logger, inside."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)


def warn(text: str) -> None:
    """Write a warning to the log of the run."""
    print_log(text, logger="current", level=logging.WARNING)
