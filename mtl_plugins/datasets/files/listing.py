"""Files in folders, found whatever the letter case of their ending and the form of accents."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

from ...errors import DataError

IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".heic", ".heif", ".avif", ".jxl", ".dng",
    ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".psd",
)  # fmt: skip
"""Endings of pictures, those included that are not read, so that they are reported."""


def files_below(folder: str, skip: str | None = None) -> Iterator[str]:
    """Yield the paths of all files below a folder; each folder once, also if links form a circle.

    Hidden folders, whose names begin with ".", and the folder `skip` are left out.
    """
    seen = set() if skip is None else {os.path.realpath(skip)}
    for base, folders, files in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(base))
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and os.path.realpath(os.path.join(base, name)) not in seen
        ]
        yield from (os.path.join(base, name) for name in files)


def has_suffix(file: str, suffixes: Iterable[str]) -> str | None:
    """Return the first of some suffixes with which a name ends, in any letter case after the dot.

    >>> has_suffix("a_left.PNG", ["_left.png"]), has_suffix("a_LEFT.png", ["_left.png"])
    ('_left.png', None)
    """
    name = _key(file)
    return next((suffix for suffix in suffixes if name.endswith(_cached_key(suffix))), None)


def named_files(
    folder: str,
    files: Iterable[str],
    suffixes: Collection[str],
    accept: Callable[[str], object] = lambda name: True,
) -> dict[str, str]:
    """Return those files below a folder that have one of the suffixes, by name, sorted.

    The files' paths begin with the folder; a name is the rest, without suffix. Names that are not
    accepted are left out.

    Raises:
        DataError: two files differ in their suffix alone.
    """
    found: dict[str, str] = {}
    for path in files:
        suffix = has_suffix(os.path.basename(path), suffixes)
        if suffix is None or is_hidden(path):
            continue
        name = path.removeprefix(folder).lstrip(os.sep)[: -len(suffix) or None]
        if not accept(name):
            continue
        if name in found:
            raise DataError(_ambiguous(found[name], path))
        found[name] = path
    return dict(sorted(found.items()))


def _ambiguous(first: str, second: str) -> str:
    return (
        f"{first} and {second} have one name and differ in their ending alone, so that nothing "
        "says which of them belongs to the other files of that name. Rename or remove one of them, "
        "or give one suffix."
    )


def is_hidden(path: str) -> bool:
    """Return whether a file's name begins with ".", as macOS's `._a.jpg` does."""
    return os.path.basename(path).startswith(".")


class StoredFiles:
    """Find files by names whose ending and accents may be written in another way.

    Each folder is listed once, when its first file is looked for.
    """

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, dict[str, bool], dict[str, str]]] = {}

    def find(self, path: str, suffixes: Collection[str] = ("",)) -> str | None:
        """Return the path of a file as it is stored; None if there is none.

        Args:
            path: with the first suffix at its end.
            suffixes: endings that are tried in place of the first one. If the first one is "", the
                path of a file is found as it is, whatever other endings there are.

        Raises:
            DataError: there are files with several of the endings.
        """
        first, *others = suffixes
        stem, found = path.removesuffix(first), dict[str, None]()
        for suffix in (first, *others):
            entry = self._entry(stem + suffix)
            if entry and entry[1]:
                found[entry[0]] = None
                if not suffix:
                    break
        if len(found) > 1:
            raise DataError(_ambiguous(*[*found][:2]))
        return next(iter(found), None)

    def _entry(self, path: str) -> tuple[str, bool] | None:
        """Return the path of a file or folder as it is stored, and whether it is a file."""
        folder, name = os.path.split(path)
        if not name:
            return (path, False) if os.path.isdir(path or os.curdir) else None
        stored, names, keys = self._listed(folder)
        name = name if name in names else keys.get(_key(name), name)
        return (os.path.join(stored, name), names[name]) if name in names else None

    def _listed(self, folder: str) -> tuple[str, dict[str, bool], dict[str, str]]:
        """Return a folder as it is stored, its entries (True: a file), and their names by key."""
        if folder not in self._folders:
            stored, names = folder, {}
            try:
                if not os.path.isdir(folder or os.curdir):
                    found = self._entry(folder)
                    stored = found[0] if found else folder
                with os.scandir(stored or os.curdir) as entries:
                    # A broken link is neither.
                    names = {e.name: e.is_file() for e in entries if e.is_file() or e.is_dir()}
            except OSError:  # there is no such folder, or on another machine
                pass
            keys = {_key(name): name for name in sorted(names, reverse=True)}
            self._folders[folder] = stored, names, keys
        return self._folders[folder]


def _key(name: str) -> str:
    """Return a name with its ending in small letters and accents in one form."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    stem, dot, ending = name.rpartition(".")
    return f"{stem}{dot}{ending.lower()}" if dot else ending


_cached_key = cache(_key)
