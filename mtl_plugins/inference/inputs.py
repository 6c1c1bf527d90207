"""Inputs: from what a user names to images, each with a name for its output.

`Sources` expands folders and globs, `Source` reads one file, video or webcam, and
`distinct_names` names the outputs.
"""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

import cv2
import numpy as np

from ..datasets.files import Range, read_image
from ..errors import DataError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jp2")
"""Suffixes of the images that a folder contributes; an image given by its path may have any."""

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""Suffixes of files that are read as videos."""

DEFAULT_RATE = 30.0
"""Frames per second of a webcam, or of a video that does not state its rate."""

LONGEST_NAME = 251
"""Bytes; with a suffix of four bytes, the 255 that file systems accept."""

Inputs = str | Path | int | np.ndarray | Sequence["str | Path | int | np.ndarray"]
"""An array H,W,3 uint8 BGR; the path of an image, a video or a folder; a glob; the index of a
webcam; or a sequence of these."""


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
    """One image H,W,3 uint8 BGR, its index in its source, and the name of its output."""

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
        read: yields its images, H,W,3 uint8 BGR; raises a `DataError` where it cannot be read, or a
            video ends long before its stated length.
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
        inputs: see `Inputs`. Folders are searched recursively, without hidden files.
        skip: a folder that is not searched, such as that of the output.
        image_range: of 16-bit image files, see `read_image`.

    Attributes:
        problems: inputs that could not be read; iterating adds to it.

    Raises:
        DataError: an array is not H,W,3 uint8, or an input is of another type.
    """

    def __init__(
        self,
        inputs: Inputs,
        skip: str | Path | None = None,
        image_range: Range | None = None,
    ) -> None:
        self.problems: list[Problem] = []
        single = isinstance(inputs, (str, os.PathLike, int, np.integer, np.ndarray))
        given: Any = [inputs] if single or not isinstance(inputs, Iterable) else inputs
        found: list[Any] = []
        for value in given:
            found.extend(self._expand(value, skip))
        paths, arrays = [value for value in found if isinstance(value, str)], count()
        files = iter(relative_names(paths))
        labels, wanted = [], []  # names in messages and of outputs
        for value in found:
            if isinstance(value, str):
                labels.append(value)
                wanted.append(next(files))
            else:
                number = value if isinstance(value, int) else next(arrays)
                kind = "webcam" if isinstance(value, int) else "array"
                labels.append(f"{kind} {number}")
                wanted.append(f"{kind}_{number}")
        folders = {index for index, value in enumerate(found) if _is_video(value)}
        names = distinct_names(wanted, folders)
        self.items: list[Source] = []
        for value, name, label in zip(found, names, labels, strict=True):
            try:
                self.items.append(_open_source(value, name, label, image_range))
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

    def _expand(self, value: Any, skip: str | Path | None) -> Sequence[str | int | np.ndarray]:
        """Return the files, the webcam or the array that one input names."""
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


def _is_video(value: str | int | np.ndarray) -> bool:
    """Return whether an input is a video: a file by its suffix, a webcam always."""
    return isinstance(value, int) or (isinstance(value, str) and value.lower().endswith(VIDEOS))


def _open_source(
    value: str | int | np.ndarray, name: str, label: str, image_range: Range | None
) -> Source:
    """Return the source of one file, webcam or array.

    Raises:
        DataError: a video cannot be opened. Images and webcams are opened only when they are read.
    """
    if isinstance(value, np.ndarray):
        return Source(label, name, lambda: iter([value]))
    if isinstance(value, int):
        return Source(label, name, lambda: _frames(value, label), video=True, length=None)
    if not _is_video(value):
        return Source(label, name, lambda: iter([read_image(value, image_range=image_range)]))
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


def distinct_names(wanted: Sequence[str], folders: Collection[int] = ()) -> list[str]:
    """Return names that differ on every file system, whether it ignores case and accents or not.

    The first of several equal names stays; each later one gets the smallest number that makes it
    new. Names too long for a file system are cut.

    Args:
        wanted: relative paths with "/".
        folders: indices of names that become folders, such as a video's, which holds its frames:
            no other name may lie in them.

    >>> distinct_names(["a/x", "A/x", "a", "a"], folders=[2])
    ['a/x', 'A/x_2', 'a_2', 'a']
    """
    taken: set[str] = set()
    parents: set[str] = set()
    names = [_numbered(name, 1) for name in wanted]
    # Folders come last: only then is every name known that could lie in one.
    for index in sorted(range(len(names)), key=lambda index: index in folders):
        number, used = 1, taken | parents if index in folders else taken
        while _key(names[index]) in used:
            number += 1
            names[index] = _numbered(wanted[index], number)
        taken.add(_key(names[index]))
        parents.update(map(str, PurePath(_key(names[index])).parents))
    return names


def _numbered(name: str, number: int) -> str:
    """Return a name with its number, cut to `LONGEST_NAME`."""
    end = "" if number == 1 else f"_{number}"
    folder, slash, last = name.rpartition("/")
    letters, room = os.fsencode(last), LONGEST_NAME - len(end)
    if len(letters) > room:
        last = letters[:room].decode("utf-8", "ignore")
    return f"{folder}{slash}{last}{end}"


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
