"""Files that are complete or absent, and JSON that may be damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

UNFINISHED = ".tmp"
"""Ending of a file's name until the file is complete."""

LARGEST = 1 << 63
"""Integers from here on fit no tensor."""


@contextmanager
def replaced(path: str) -> Iterator[str]:
    """Yield a temporary name to write to; rename it to `path` afterwards, in one step.

    The data are on the disk before the name changes, so a crash at any moment, of the machine too,
    leaves the old file or the new one. If writing fails, the old file stays and the temporary one
    is removed.

    Args:
        path: a local file; its folder must exist.

    Raises:
        OSError: the disk is full, or cannot be written to for another reason.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "note")
    >>> with replaced(path) as unfinished, open(unfinished, "w") as file:
    ...     _ = file.write("all of it"), print(os.path.exists(path))
    False
    >>> open(path).read()
    'all of it'
    """
    unfinished = path + UNFINISHED
    try:
        yield unfinished
        _to_disk(unfinished)
        os.replace(unfinished, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.remove(unfinished)
        raise
    _to_disk(os.path.dirname(path) or ".")


def _to_disk(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str, text: str) -> None:
    """Write a text file as UTF-8 without changing line ends; make its folder if it is missing."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def parse_json(text: str) -> Any:
    """Parse a JSON text; NaN and Infinity are numbers, as Python writes them.

    Raises:
        ValueError: the text is no JSON, is nested too deep, or holds an integer of over 64 bits.

    >>> parse_json('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: it is nested too deep
    """
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _integer(text: str) -> int:
    value = int(text)
    if abs(value) >= LARGEST:
        raise ValueError(f"the number {text[:20]}... has over 64 bits")
    return value
