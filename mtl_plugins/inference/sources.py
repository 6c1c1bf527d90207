"""Where images come from: arrays, files, folders, globs, videos and webcams."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..datasets.image_io import read_image
from ..errors import DataError
from .names import Names, relative_names

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jp2")
"""Endings of files that are taken out of a folder as images; files that are named may have any."""

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""Endings of files that are read as videos."""

Inputs = str | Path | int | np.ndarray | Sequence["str | Path | int | np.ndarray"]
"""An array H,W,3 uint8 BGR; the path of an image, a video or a folder; a glob; the index of a
webcam; or a sequence of these."""

DEFAULT_RATE = 30.0
"""Frames a second of a webcam that does not tell."""


@dataclass(frozen=True)
class Problem:
    """An input that could not be read, or not to its end, and why."""

    source: str
    reason: str

    def __str__(self) -> str:
        # Most reasons begin with the path already.
        return self.reason if self.source in self.reason else f"{self.source}: {self.reason}"


@dataclass(frozen=True)
class Frame:
    """One image: H,W,3 uint8 BGR, its place in its source, and a name of its own."""

    image: np.ndarray
    source: Source
    name: str
    index: int = 0


@dataclass(frozen=True)
class Source:
    """An array, an image file, a video or a webcam.

    Args:
        path: what to call it in messages.
        name: of its output; frames of a video are `<name>/<number>`.
        read: yields its images, H,W,3 uint8 BGR.
        video: whether it is one of moving images.
        length: number of images; None where that is unknown.
        rate: frames a second of a video.
    """

    path: str
    name: str
    read: Callable[[], Iterator[np.ndarray]] = field(repr=False)
    video: bool = False
    length: int | None = 1
    rate: float = DEFAULT_RATE

    def frames(self) -> Iterator[Frame]:
        """Yield its images with their names.

        Raises:
            DataError: it cannot be read, or a video ends long before it should.
        """
        for index, image in enumerate(self.read()):
            name = f"{self.name}/{index:06d}" if self.video else self.name
            yield Frame(image, self, name, index)


class Sources:
    """All that some inputs name, in their order; folders by the names of their files.

    Args:
        inputs: see `Inputs`. Folders are searched below, without hidden files.
        skip: a folder that is not searched, such as that of the output.

    Attributes:
        problems: what could not be read; more come while iterating.

    Raises:
        DataError: an array is not H,W,3 uint8.
    """

    def __init__(self, inputs: Inputs, skip: str | Path | None = None) -> None:
        self.problems: list[Problem] = []
        single = isinstance(inputs, (str, os.PathLike, int, np.integer, np.ndarray))
        found: list[Any] = []
        for value in [inputs] if single else inputs:
            found.extend(self._expand(value, skip))
        paths = iter(relative_names([value for value in found if isinstance(value, str)]))
        names = Names()
        self.items: list[Source] = []
        for value in found:
            if isinstance(value, str):
                self._add_file(value, next(paths), names)
            elif isinstance(value, np.ndarray):
                name = names.take(f"array_{sum(s.path.startswith('array') for s in self.items)}")
                self.items.append(Source(name, name, lambda image=value: iter([image])))
            else:
                name = names.take(f"webcam_{value}", folder=True)
                self.items.append(
                    Source(f"webcam {value}", name, lambda i=value: _video(i), True, None)
                )

    @property
    def length(self) -> int | None:
        """Number of images; None where a source does not know."""
        lengths = [source.length for source in self.items]
        return None if None in lengths else sum(lengths)

    def __iter__(self) -> Iterator[Frame]:
        for source in self.items:
            try:
                yield from source.frames()
            except DataError as error:
                self.problems.append(Problem(source.path, str(error)))

    def _expand(self, value: Any, skip: str | Path | None) -> list[str | int | np.ndarray]:
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

    def _add_file(self, path: str, name: str, names: Names) -> None:
        if not path.lower().endswith(VIDEOS):
            source = Source(path, names.take(name), lambda: iter([read_image(path)]))
            self.items.append(source)
            return
        video = cv2.VideoCapture(path)
        if not video.isOpened():
            self.problems.append(Problem(path, "it cannot be read as a video"))
            return
        rate, count = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        self.items.append(
            Source(
                path,
                names.take(name, folder=True),
                lambda: _video(path, count),
                True,
                count if count > 0 else None,
                rate if isfinite(rate) and rate > 0 else DEFAULT_RATE,
            )
        )


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


def _video(source: str | int, count: int = 0) -> Iterator[np.ndarray]:
    """Yield the frames of a video file of about `count` frames, or of a webcam."""
    video = cv2.VideoCapture(source)
    try:
        if not video.isOpened():
            what = f"webcam {source}" if isinstance(source, int) else source
            raise DataError(f"{what} cannot be opened.")
        read = 0
        while True:
            good, image = video.read()
            if not good:
                break
            read += 1
            yield image
        # Containers count roughly; a tenth is more than that.
        if read == 0 or read < 0.9 * count:
            of = f" of {count}" if count > 0 else ""
            raise DataError(f"{source} ends after {read}{of} frames; it is damaged or cut off.")
    finally:
        video.release()
