"""Files that are there in full or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

UNFINISHED = ".tmp"
"""What the name of a file ends with until it is complete."""


@contextmanager
def replaced(path: str) -> Iterator[str]:
    """Give the name to write to; afterwards, and only then, the file stands under `path`.

    The data are on the disk before the name changes, and the name changes in one step, so that a
    crash at any moment, of the machine too, leaves the old file or the new one. Where writing
    fails the old one stays and nothing else is left.

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
