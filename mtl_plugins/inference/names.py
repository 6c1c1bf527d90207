"""Names for what is predicted: readable, below one folder, and never the same twice."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath


class Names:
    """Hand out names that are distinct, whatever the file system thinks of case and accents.

    >>> names = Names()
    >>> names.take("a/x"), names.take("A/x"), names.take("clip", folder=True)
    ('a/x', 'A/x_2', 'clip')
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._parents: set[str] = set()
        self._folders: set[str] = set()

    def take(self, wanted: str, folder: bool = False) -> str:
        """Return `wanted`, or with the first number behind it that makes it new.

        Args:
            wanted: parts joined by "/".
            folder: whether other names will be made below it, as for the frames of a video.
        """
        name, number = wanted, 1
        while not self._free(name, folder):
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(_key(name))
        self._parents.update(_parents(name))
        if folder:
            self._folders.add(_key(name))
        return name

    def _free(self, name: str, folder: bool) -> bool:
        if _key(name) in self._names or self._folders.intersection(_parents(name)):
            return False
        return not folder or _key(name) not in self._parents


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _parents(name: str) -> list[str]:
    return [str(parent) for parent in PurePath(_key(name)).parents][:-1]


def relative_names(paths: Sequence[str]) -> list[str]:
    """Return the paths below the deepest folder that holds them all, without suffix.

    >>> relative_names(["/data/ulm/rgb/1.png", "/data/bonn/rgb/1.png"])
    ['ulm/rgb/1', 'bonn/rgb/1']
    """
    full = [os.path.abspath(path) for path in paths]
    try:
        base = os.path.commonpath([os.path.dirname(path) for path in full]) if full else ""
    except ValueError:  # on drives of their own
        return [PurePath(path).stem for path in full]
    return [PurePath(os.path.relpath(path, base)).with_suffix("").as_posix() for path in full]
