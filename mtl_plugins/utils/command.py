"""How the commands end: with a message a user can act on, not with a traceback."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from ..errors import MTLError


def run_command(command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a command; print errors that a user can mend in one message and exit with 1.

    Errors may have an `exit_code` of their own (`LostProcessError`). Ctrl-C exits with 130, or with
    75 where a training saved its state (`InterruptHook`).

    Errors of the data loader's worker processes arrive with the worker's traceback in their
    text; only the message at its end is shown. What the system says about a file is told with its
    path. Anything unforeseen keeps its traceback.
    """
    if sys.stderr.isatty():
        # Wipe off what the command said while everything was imported.
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
        sys.exit(130)  # as shells do, 128 + SIGINT


def _message(error: Exception) -> str | None:
    """Return what a user can act on; None where an error is none of ours, nor of a file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, (MTLError, FileNotFoundError, ImportError)):
        return re.split(r"\n(?:[\w.]+\.)?\w*Error: ", str(error))[-1].strip()
    return None
