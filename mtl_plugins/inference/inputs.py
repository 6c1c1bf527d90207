"""Inputs: from what a user names to images, each with a name for its output.

`Sources` expands folders and globs, `Source` reads one file, video or webcam, memory.py what is no
path.
"""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from ..datasets.files import (
    HEAD,
    IMAGE_SUFFIXES,
    PICTURES,
    Ranges,
    files_below,
    is_hidden,
    recognised,
)
from ..errors import DataError
from ..models.preprocessing import RGB_CHANNELS
from ..utils import distinct_names, relative_names
from .memory import EXPECTED, ImageForm, InMemory, Inputs, in_memory, is_one_input

VIDEOS = (
    ".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp",
    ".ts", ".mts", ".m2ts", ".ogv",
)  # fmt: skip
"""Suffixes of files that are read as videos."""

ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/{1,2}[^/]|file:/")
"""Beginning of an address; `pathlib` leaves one of its two slashes."""

ARRAYS = (".npy", ".npz")
"""Suffixes of files of arrays, which are images where images have more than three channels."""

WEBCAMS = range(100)
"""Indices of webcams; a larger number, or one like 007, is the name of something else."""

DEFAULT_RATE = 30.0
"""Frames per second of a webcam, or of a video that does not state its rate."""

Found = str | int | InMemory
"""A file, a webcam or an image in memory."""


@dataclass(frozen=True)
class Problem:
    """An input that could not be read, or not to its end, and the reason."""

    source: str
    reason: str

    def __str__(self) -> str:
        # Most reasons begin with the path already.
        return self.reason if self.source in self.reason else f"{self.source}: {self.reason}"


@dataclass(frozen=True)
class Frame:
    """One image in an `ImageForm`, its index in its source, and the name of its output."""

    image: np.ndarray
    source: Source
    name: str
    index: int = 0


@dataclass(frozen=True)
class Source:
    """An array, an image file, a video or a webcam.

    Args:
        path: its name in messages.
        name: of its output; frames of a video are `<name>/<number>`.
        read: yields its images in an `ImageForm`; raises a `DataError` where it cannot be read, or
            a video ends long before its stated length.
        video: whether it is a video or a webcam.
        length: number of images; None where it is unknown.
        rate: frames per second of a video.
    """

    path: str
    name: str
    read: Callable[[], Iterator[np.ndarray]] = field(repr=False)
    video: bool = False
    length: int | None = 1
    rate: float = DEFAULT_RATE


class Sources:
    """Every image that the inputs name, in their order; folders sorted by path.

    Args:
        inputs: see `Inputs`. Folders are searched recursively, without hidden files, for what has
            the name or the first bytes of an image, or the name of a video.
        skip: a folder that is not searched, such as that of the output.
        earlier: source of each output that is there already, by its name. A file that is one of
            them gets its name again; no other input gets one of these names.
        image_range, image_channels: of image files and arrays, see `read_image`. Folders are
            searched for arrays (.npy) too, where images have more than three channels.

    Attributes:
        problems: inputs that could not be read; iterating adds to it.

    Raises:
        DataError: an array is no such image, an input is of another type, or no webcam.
    """

    def __init__(
        self,
        inputs: Inputs,
        skip: str | Path | None = None,
        earlier: Mapping[str, str] = MappingProxyType({}),
        image_range: Ranges | None = None,
        image_channels: int = RGB_CHANNELS,
    ) -> None:
        self.form = ImageForm(image_channels, image_range)
        self.problems: list[Problem] = []
        given: Any = [inputs] if is_one_input(inputs) else inputs
        found: list[Found] = []
        for value in given:
            found.extend(self._expand(value, skip))
        paths, numbers = [value for value in found if isinstance(value, str)], Counter[str]()
        files = dict(zip(paths, relative_names(paths), strict=True))
        # The first of several names that a source has.
        again = {earlier[name]: name for name in reversed([*earlier]) if earlier[name] in files}
        labels, wanted = [], []  # names in messages and of outputs
        for value in found:
            if isinstance(value, str):
                labels.append(value)
                wanted.append(again.get(value, files[value]))
                continue
            kind, number = ("webcam", value) if isinstance(value, int) else (value.kind, None)
            if number is None:
                number = numbers[kind]
                numbers[kind] += 1
            labels.append(f"{kind} {number}")
            wanted.append(f"{kind}_{number}")
        folders = {index for index, value in enumerate(found) if _is_video(value)}
        taken = [name for name, source in earlier.items() if source not in again]
        names = distinct_names(wanted, folders, taken)
        self.items: list[Source] = []
        for value, name, label in zip(found, names, labels, strict=True):
            try:
                self.items.append(_open_source(value, name, label, self.form))
            except DataError as error:
                self.problems.append(Problem(label, str(error)))

    @property
    def length(self) -> int | None:
        """Number of images; None where the length of a source is unknown."""
        lengths = [source.length for source in self.items]
        return None if None in lengths else sum(filter(None, lengths))

    def __iter__(self) -> Iterator[Frame]:
        for source in self.items:
            try:
                for index, image in enumerate(source.read()):
                    name = f"{source.name}/{index:06d}" if source.video else source.name
                    yield Frame(image, source, name, index)
            except DataError as error:
                self.problems.append(Problem(source.path, str(error)))

    def _expand(self, value: Any, skip: str | Path | None) -> Sequence[Found]:
        """Return the files, the webcam or the image that one input names."""
        image = in_memory(value, self.form)
        if image is not None:
            return [image]
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            if value not in WEBCAMS:
                raise DataError(
                    f"An input is the number {value}; expected the index of a webcam, 0 to "
                    f"{WEBCAMS[-1]}. A file of this name is given as text."
                )
            return [int(value)]
        if not isinstance(value, (str, os.PathLike)):
            raise DataError(f"An input is a {type(value).__name__}; {EXPECTED}.")
        path = os.path.expanduser(os.fsdecode(value))
        if os.path.isdir(path):
            files = _files_below(path, skip, self.form)
            if not files:
                self.problems.append(Problem(path, "the folder holds no image or video"))
            return files
        if os.path.exists(path):
            return [path]
        if path.isdecimal() and path == str(int(path)) and int(path) in WEBCAMS:
            return [int(path)]
        files = sorted(filter(os.path.isfile, glob.glob(path, recursive=True)))
        if not files:
            self.problems.append(Problem(path or "''", _why_nothing(path)))
        return files


def _why_nothing(path: str) -> str:
    """Return why a path names no file."""
    if ADDRESS.match(path):
        return "addresses are not fetched; download the file and give its path"
    if os.path.islink(path):
        return "it is a link to a file that does not exist"
    return "no file matches" if glob.has_magic(path) else "it does not exist"


def _files_below(folder: str, skip: str | Path | None, form: ImageForm) -> list[str]:
    """Return the images and videos below a folder, sorted."""
    arrays = ARRAYS if form.channels > RGB_CHANNELS else ()
    below = files_below(folder, None if skip is None else os.fspath(skip))
    return sorted(path for path in below if not is_hidden(path) and _is_wanted(path, arrays))


def _is_wanted(path: str, more: tuple[str, ...]) -> bool:
    """Return whether a file is an image or video by its name, or an image by its first bytes.

    Args:
        more: further endings of names.
    """
    if path.lower().endswith((*IMAGE_SUFFIXES, *VIDEOS, *more)):
        return True
    try:
        with open(path, "rb") as file:
            return recognised(file.read(HEAD))[0] in PICTURES
    except OSError:
        return False


def _is_video(value: Found) -> bool:
    """Return whether an input is a video: a file by its suffix, a webcam always."""
    return isinstance(value, int) or (isinstance(value, str) and value.lower().endswith(VIDEOS))


def _open_source(value: Found, name: str, label: str, form: ImageForm) -> Source:
    """Return the source of one file, webcam or image in memory.

    Raises:
        DataError: a video cannot be opened. Images and webcams are opened only when they are read.
    """
    if isinstance(value, InMemory):
        return Source(label, name, lambda: iter([value.read(label, form)]))
    if _is_video(value) and form.channels != RGB_CHANNELS:
        raise DataError(
            f"{label} is a video of three channels, and the network takes images of "
            f"{form.channels}. Give it image files or arrays."
        )
    if isinstance(value, int):
        return Source(label, name, lambda: _frames(value, label), video=True, length=None)
    if not _is_video(value):
        return Source(label, name, lambda: iter([form.read(value)]))
    video = _capture(value, label)
    rate, length = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    return Source(
        label,
        name,
        lambda: _frames(value, label, length),
        video=True,
        length=length if length > 0 else None,
        rate=rate if isfinite(rate) and rate > 0 else DEFAULT_RATE,
    )


def _capture(source: str | int, label: str) -> cv2.VideoCapture:
    try:
        str(source).encode()
    except UnicodeEncodeError:
        # OpenCV 5 would crash the interpreter.
        raise DataError(f"{label} has a name that is no valid Unicode; rename the video.") from None
    video = cv2.VideoCapture(source)
    if not video.isOpened():
        raise DataError(f"{label} cannot be opened as a video.")
    return video


def _frames(source: str | int, label: str, length: int = 0) -> Iterator[np.ndarray]:
    """Yield the frames of a webcam, or of a video file that states `length` frames."""
    video = _capture(source, label)
    try:
        read = 0
        while True:
            good, image = video.read()
            if not good:
                break
            read += 1
            yield image
        # Stated lengths are estimates, but never a tenth too long.
        if read == 0 or read < 0.9 * length:
            of = f" of {length}" if length > 0 else ""
            raise DataError(f"{label} ends after {read}{of} frames; it is damaged or cut off.")
    finally:
        video.release()
