"""From what a user names to the sources of images: files, folders, globs, webcams, arrays."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from .names import distinct_names, relative_names
from .source import VIDEOS, Frame, Problem, Source, is_video, open_source

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jp2")
"""Endings of files that are taken out of a folder as images; files that are named may have any."""

Inputs = str | Path | int | np.ndarray | Sequence["str | Path | int | np.ndarray"]
"""An array H,W,3 uint8 BGR; the path of an image, a video or a folder; a glob; the index of a
webcam; or a sequence of these."""


class Sources:
    """All that some inputs name, in their order; folders by the names of their files.

    Args:
        inputs: see `Inputs`. Folders are searched below, without hidden files.
        skip: a folder that is not searched, such as that of the output.

    Attributes:
        problems: what could not be read; more come while iterating.

    Raises:
        DataError: an array is not H,W,3 uint8, or an input is of another type.
    """

    def __init__(self, inputs: Inputs, skip: str | Path | None = None) -> None:
        self.problems: list[Problem] = []
        single = isinstance(inputs, (str, os.PathLike, int, np.integer, np.ndarray))
        given: Any = [inputs] if single or not isinstance(inputs, Iterable) else inputs
        found: list[Any] = []
        for value in given:
            found.extend(self._expand(value, skip))
        arrays = count()
        called = [_called(value, arrays) for value in found]
        files = iter(relative_names([value for value in found if isinstance(value, str)]))
        wanted = [
            next(files) if isinstance(value, str) else text.replace(" ", "_")
            for value, text in zip(found, called, strict=True)
        ]
        names = distinct_names(
            wanted, {index for index, value in enumerate(found) if is_video(value)}
        )
        self.items: list[Source] = []
        for value, name, text in zip(found, names, called, strict=True):
            try:
                self.items.append(open_source(value, name, text))
            except DataError as error:
                self.problems.append(Problem(text, str(error)))

    @property
    def length(self) -> int | None:
        """Number of images; None where a source does not know."""
        lengths = [source.length for source in self.items]
        known = [length for length in lengths if length is not None]
        return sum(known) if len(known) == len(lengths) else None

    def __iter__(self) -> Iterator[Frame]:
        for source in self.items:
            try:
                yield from source.frames()
            except DataError as error:
                self.problems.append(Problem(source.path, str(error)))

    def _expand(self, value: Any, skip: str | Path | None) -> Sequence[str | int | np.ndarray]:
        """Return the files, the webcam or the array that one input stands for."""
        if isinstance(value, np.ndarray):
            return [_checked(value)]
        if isinstance(value, (int, np.integer)):
            return [int(value)]
        if not isinstance(value, (str, os.PathLike)):
            raise DataError(
                f"An input is a {type(value).__name__}; expected an array H,W,3 uint8, a path, a "
                "glob, the index of a webcam, or a list of these."
            )
        path = os.path.expanduser(os.fspath(value))
        if os.path.isdir(path):
            files = _files_below(path, skip)
            if not files:
                self.problems.append(Problem(path, "the folder holds no image or video"))
            return files
        if os.path.exists(path):
            return [path]
        if path.isdigit():
            return [int(path)]
        files = sorted(filter(os.path.isfile, glob.glob(path, recursive=True)))
        if not files:
            reason = "no file matches" if glob.has_magic(path) else "it does not exist"
            self.problems.append(Problem(path, reason))
        return files


def _called(value: str | int | np.ndarray, arrays: Iterator[int]) -> str:
    """Return what an input is called in messages; arrays are counted."""
    if isinstance(value, str):
        return value
    return f"webcam {value}" if isinstance(value, int) else f"array {next(arrays)}"


def _checked(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise DataError(
            f"An array is {image.shape} {image.dtype}; expected an image H,W,3 uint8 in BGR order, "
            "or a list of them."
        )
    return np.ascontiguousarray(image)


def _files_below(folder: str, skip: str | Path | None) -> list[str]:
    skipped = None if skip is None else os.path.realpath(skip)
    found = []
    for base, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(base, name)) != skipped
        ]
        found += [
            os.path.join(base, name)
            for name in files
            if name.lower().endswith(IMAGES + VIDEOS) and not name.startswith(".")
        ]
    return sorted(found)
