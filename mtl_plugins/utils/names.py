"""Names of files that are written, which differ on every file system."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath

from .files import name_key

LONGEST_NAME = 251
"""Bytes; with a suffix of four bytes, the 255 that file systems accept."""


def relative_names(paths: Sequence[str]) -> list[str]:
    """Return the paths relative to their deepest common folder, without suffix.

    >>> relative_names(["/data/ulm/rgb/1.png", "/data/bonn/rgb/1.png"])
    ['ulm/rgb/1', 'bonn/rgb/1']
    """
    full = [os.path.abspath(path) for path in paths]
    try:
        base = os.path.commonpath([os.path.dirname(path) for path in full]) if full else ""
    except ValueError:  # on different drives
        return [PurePath(path).stem for path in full]
    return [PurePath(os.path.relpath(path, base)).with_suffix("").as_posix() for path in full]


def distinct_names(
    wanted: Sequence[str], folders: Collection[int] = (), taken: Iterable[str] = ()
) -> list[str]:
    """Return names that differ on every file system, whether it ignores case and accents or not.

    The first of several equal names stays; each later one gets the smallest number that makes it
    new. Names too long for a file system are cut.

    Args:
        wanted: relative paths with "/".
        folders: indices of names that become folders, such as a video's, which holds its frames:
            no other name may lie in them.
        taken: names that are given already.

    >>> distinct_names(["a/x", "A/x", "a", "a"], folders=[2])
    ['a/x', 'A/x_2', 'a_2', 'a']
    """
    used = {name_key(name) for name in taken}
    parents = {str(parent) for name in used for parent in PurePath(name).parents}
    names = [_numbered(name, 1) for name in wanted]
    # Folders come last: only then is every name known that could lie in one.
    for index in sorted(range(len(names)), key=lambda index: index in folders):
        number, refused = 1, used | parents if index in folders else used
        while name_key(names[index]) in refused:
            number += 1
            names[index] = _numbered(wanted[index], number)
        used.add(name_key(names[index]))
        parents.update(map(str, PurePath(name_key(names[index])).parents))
    return names


def _numbered(name: str, number: int) -> str:
    """Return a name with its number, cut to `LONGEST_NAME`."""
    end = "" if number == 1 else f"_{number}"
    folder, slash, last = name.rpartition("/")
    letters, room = os.fsencode(last), LONGEST_NAME - len(end)
    if len(letters) > room:
        last = letters[:room].decode("utf-8", "ignore")
    return f"{folder}{slash}{last}{end}"
