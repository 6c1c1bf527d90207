"""Suggest the nearest valid names or paths for a misspelled one."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable

SUGGESTED = 3
"""Most names or paths that are suggested."""

LISTED = 20
"""Most names that are listed if none is near."""

MARGIN = 0.15
"""Names whose likeness is at most this much below the nearest name's are suggested too."""


def nearest(name: object, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return the `SUGGESTED` known names most like a name, the nearest first, ignoring case.

    Args:
        name: the given name; a value that is no text is like none.
        known: the valid names.
        cutoff: smallest likeness, 0..1 (`difflib`).

    >>> nearest('mgda', ['PCGrad', 'MGDA'])
    ['MGDA']
    """
    if not isinstance(name, str):
        return []
    spelled: dict[str, str] = {}
    for each in sorted(known):
        spelled.setdefault(each.lower(), each)
    found = difflib.get_close_matches(name.lower(), spelled, SUGGESTED, cutoff)
    likeness = [difflib.SequenceMatcher(None, key, name.lower()).ratio() for key in found]
    return [
        spelled[key]
        for key, ratio in zip(found, likeness, strict=True)
        if ratio >= likeness[0] - MARGIN
    ]


def did_you_mean(name: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return the sentence that ends an error about an unknown name.

    It suggests the nearest known names; if none is near it lists all of them; if there are none
    or more than `LISTED`, it is `otherwise`.

    >>> did_you_mean('bach_size', ['batch_size', 'dataset'])
    'Did you mean batch_size?'
    >>> did_you_mean('colour', ['lr', 'eps'])
    'Choose from eps, lr.'
    >>> did_you_mean(None, ['lr', 'eps'])
    'Choose from eps, lr.'
    """
    known = sorted({*known})
    if near := nearest(name, known):
        return f"Did you mean {_either(near)}?"
    if not known or len(known) > LISTED:
        return otherwise
    return f"Choose from {', '.join(known)}."


def did_you_mean_path(path: str) -> str:
    """Return the sentence that ends an error about a missing file or folder.

    Every part of the path may be misspelled, or the last folder left out. Empty if nothing is
    near.

    >>> did_you_mean_path('/no/such/folder')
    ''
    """
    if os.path.isdir(path):
        return "It is a folder."
    start = os.sep if os.path.isabs(path) else ""
    parts = [part for part in path.split(os.sep) if part not in ("", ".")]
    found = [start] if parts else []
    for depth, part in enumerate(parts):
        is_last = depth == len(parts) - 1
        found = [match for folder in found for match in _matches(folder, part, is_last)]
    folder = os.path.dirname(path)
    if not found and parts and os.path.isdir(folder or "."):
        found = sorted(glob.glob(os.path.join(glob.escape(folder), "*", glob.escape(parts[-1]))))
    return f"Did you mean {_either(found[:SUGGESTED])}?" if found else ""


def _matches(folder: str, part: str, is_last: bool) -> list[str]:
    """Return the entries of a folder that equal one part of a path, or else are most like it."""
    if part == ".." or os.path.exists(os.path.join(folder, part)):
        return [os.path.join(folder, part)]
    try:
        entries = os.listdir(folder or ".")
    except OSError:
        return []
    if not is_last:
        entries = [each for each in entries if os.path.isdir(os.path.join(folder, each))]
    stem, ending = os.path.splitext(part)
    # Compared without endings, which would make any two files of a type alike.
    alike = [each for each in entries if ending and os.path.splitext(each)[1] == ending]
    stems = {os.path.splitext(each)[0]: each for each in alike or entries}
    return [os.path.join(folder, stems[near]) for near in nearest(stem, stems)]


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
