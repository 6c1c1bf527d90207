"""Names for what is predicted: readable, below one folder, and never the same twice."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import PurePath

LONGEST = 251
"""Bytes of a name; with a suffix of four they are the 255 that file systems take."""


def distinct_names(wanted: Sequence[str], folders: Collection[int] = ()) -> list[str]:
    """Return names that are distinct, whatever the file system thinks of case and accents.

    The first keeps its name, the next one of it gets the first number that makes it new. Names that
    are too long for a file are cut.

    Args:
        wanted: parts joined by "/".
        folders: positions of names below which others will be made, as for a video's frames: no
            other name may lie there.

    >>> distinct_names(["a/x", "A/x", "a", "a"], folders=[2])
    ['a/x', 'A/x_2', 'a_2', 'a']
    """
    taken: set[str] = set()
    parents: set[str] = set()
    names = [_numbered(name, 1) for name in wanted]
    # Folders come last: then all that could lie in them is known.
    for index in sorted(range(len(names)), key=lambda index: index in folders):
        number, used = 1, taken | parents if index in folders else taken
        while _key(names[index]) in used:
            number += 1
            names[index] = _numbered(wanted[index], number)
        taken.add(_key(names[index]))
        parents.update(map(str, PurePath(_key(names[index])).parents))
    return names


def _numbered(name: str, number: int) -> str:
    """Return a name with its number, cut where file systems would not take it."""
    end = "" if number == 1 else f"_{number}"
    folder, slash, last = name.rpartition("/")
    letters, room = os.fsencode(last), LONGEST - len(end)
    if len(letters) > room:
        last = letters[:room].decode("utf-8", "ignore")
    return f"{folder}{slash}{last}{end}"


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


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
