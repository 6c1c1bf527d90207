"""Files that are complete or absent, text from any editor, and JSON that may be damaged."""

from __future__ import annotations

import codecs
import io
import json
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import ConfigError

UNFINISHED = ".tmp"
"""Ending of a file's name until the file is complete."""

LARGEST = 1 << 63
"""Integers from here on fit no tensor."""

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""First bytes of a text file -> encoding; UTF-16's are also the beginning of UTF-32's."""


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


def check_results(*files: str | None, folder: str | None = None) -> None:
    """Check that results can be written, before the work that they come from.

    Args:
        files: that will be written; None is skipped.
        folder: that will be made or filled.

    Raises:
        ConfigError: a file is a folder, or a folder, or one above them, is a file or is protected.

    >>> check_results(".")
    Traceback (most recent call last):
    mtl_plugins.errors.ConfigError: . is a folder; expected a file for the results.
    """
    for path in filter(None, files):
        if os.path.isdir(path):
            raise ConfigError(f"{path} is a folder; expected a file for the results.")
        _check_folder(os.path.dirname(path), path)
    if folder:
        _check_folder(folder, folder)


def _check_folder(folder: str, path: str) -> None:
    """Check that a folder exists and may be written to, or can be made."""
    found = os.path.abspath(folder)
    while not os.path.lexists(found):
        found = os.path.dirname(found)
    if not os.path.isdir(found):
        raise ConfigError(f"{path} cannot be written: {found} is a file; expected a folder.")
    if not os.access(found, os.W_OK):
        raise ConfigError(f"{path} cannot be written: the folder {found} is write-protected.")


def write_text(path: str, text: str) -> None:
    """Write a text file as UTF-8 without changing line ends; make its folder if it is missing."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def read_text(path: str | os.PathLike[str]) -> str:
    r"""Read a text file of any editor: UTF-8, or what its byte order mark says; lines end in "\n".

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no UTF-8 and has no byte order mark.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "names.txt")
    >>> with open(path, "w", encoding="utf-16", newline="") as file:
    ...     _ = file.write("one\r\ntwo\r\n")
    >>> read_text(path)
    'one\ntwo\n'
    """
    with open(path, "rb") as file:
        content = file.read()
    marks = (name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark))
    try:
        text = content.decode(next(marks, "utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text ({error}); save it as UTF-8") from error
    return io.StringIO(text, newline=None).read()


def name_key(path: str) -> str:
    """Return what is equal for paths that some file system holds for the same.

    macOS stores accents in another form than it was given, and like Windows ignores letter case.

    >>> name_key("Ulm/U\u0308.png") == name_key("ulm/\u00fc.png")
    True
    """
    return unicodedata.normalize("NFC", path).casefold()


def shown(path: str) -> str:
    r"""Return a path for a message; one with invisible characters as Python writes it.

    >>> print(shown("a b.png"), shown("\ufeffa.png"))
    a b.png '\ufeffa.png'
    """
    return path if path.isprintable() else ascii(path)


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
