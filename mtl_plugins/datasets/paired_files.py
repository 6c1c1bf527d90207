"""Checks of the files that are paired: some are missing, shared, or no image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ..errors import DataError
from ..targets import Target
from ..utils import shown
from .files import PathPattern
from .pairing import IMAGE_KEY

Entries = Sequence[Mapping[str, str]]
"""The path of the image and of each target of every sample, by the keys of `data_prefix`."""


def own_images(entries: Entries) -> list[int]:
    """Return the numbers of the samples whose image is no target of another sample.

    Images and targets may lie in one folder and have the same ending.

    >>> own_images([dict(img_path="a", depth="a_d"), dict(img_path="a_d", depth="a_d_d")])
    [0]
    """
    images = {entry[IMAGE_KEY]: number for number, entry in enumerate(entries)}
    targets = {
        images[path]
        for number, entry in enumerate(entries)
        for path in entry.values()
        if images.get(path, number) != number
    }
    return [number for number in range(len(entries)) if number not in targets]


def refuse_missing(
    entries: Entries,
    missing: Sequence[Sequence[str]],
    targets: Sequence[Target],
    lines: Sequence[int],
    table: str,
    extras: Collection[str] = (),
) -> None:
    """Raise a `DataError` if files are missing.

    Args:
        entries: paths of the samples.
        missing: keys of the missing files of each.
        targets: those of the samples.
        lines: number of each sample's line in the list of samples, 0 if there is none.
        table: the list that names the files, if one with columns does.
        extras: names of those in `targets` that are channels of the image.
    """
    samples = [*zip(entries, missing, lines, strict=True)]
    for key, name in {IMAGE_KEY: "image", **{each.path: each.name for each in targets}}.items():
        paths = [
            f"{shown(entry[key])}{f' (line {line})' if line else ''}"
            for entry, keys, line in samples
            if key in keys
        ]
        if not paths:
            continue
        few = first_few(paths)
        if table:
            raise DataError(
                f"{len(paths)} {name} files that ann_file {table} lists are missing: "
                f"{few}. Paths in it are relative to data_root, or to the folder of "
                "the image or target if one is given. Leave a cell empty where a sample lacks the "
                "target."
            )
        if key == IMAGE_KEY and any(lines):
            raise DataError(
                f"{len(paths)} of {len(entries)} image files are missing: {few}. Correct these "
                "lines of ann_file: a line is the name of an image, unless the first one names "
                "columns, such as 'image depth'."
            )
        declared = f"data_prefix.{key} or targets.{name}"
        place = f"extra_images.{name}" if name in extras else declared
        raise DataError(
            f"{len(paths)} of {len(entries)} {name} files are missing: {few}. "
            f"Complete the folder, list the complete samples in ann_file (or all of them, with "
            f"columns and empty cells), or leave the folder ({place}) out."
        )


def refuse_empty(
    entries: Entries, images: Sequence[Target], lines: Sequence[int], table: str
) -> None:
    """Raise a `DataError` if a list with columns gives a sample no file of some further channel."""
    for entry, line in zip(entries, lines, strict=True):
        for each in images:
            if each.path not in entry:
                raise DataError(
                    f"ann_file {table} names no {each.name} file in line {line}. All images have "
                    f"this channel (extra_images.{each.name}): name it, or remove the line."
                )


def refuse_repeated(entries: Entries, lines: Sequence[int], table: str) -> None:
    """Raise a `DataError` if a list with columns names an image in two lines."""
    first = dict[str, int]()
    for entry, line in zip(entries, lines, strict=True):
        image = os.path.normpath(entry[IMAGE_KEY])
        if (other := first.setdefault(image, line)) != line:
            raise DataError(
                f"ann_file {table} names the image {shown(image)} in line {other} and in line "
                f"{line}. Keep one line, with the targets of both; a RepeatDataset repeats it."
            )


def refuse_shared(
    entries: Entries, targets: Sequence[Target], patterns: Mapping[str, PathPattern]
) -> None:
    """Raise a `DataError` if patterns give several images the same file of a target.

    Args:
        entries: paths of the samples.
        targets: those of the samples.
        patterns: of image and targets; {} if there are none.
    """
    for target in targets if patterns else ():
        pattern = patterns[target.path]
        lacking = [name for name in patterns[IMAGE_KEY].fields if name not in pattern.fields]
        pairs = {(entry[target.path], entry[IMAGE_KEY]) for entry in entries if lacking}
        for path, count in Counter(path for path, _ in pairs).most_common(1):
            if count > 1:
                images = sorted(image for each, image in pairs if each == path)
                raise DataError(
                    f"{count} images have the same {target.name} file {path}: {first_few(images)}. "
                    f"{pattern} lacks the field {{{lacking[0]}}}: add it, or list the pairs in an "
                    "ann_file with columns if this is meant."
                )


def first_few(paths: Sequence[str]) -> str:
    """Return the first few paths, for a message."""
    return ", ".join(map(shown, paths[:3])) + (", ..." if len(paths) > 3 else "")
