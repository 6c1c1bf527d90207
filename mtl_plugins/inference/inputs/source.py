"""One source of images: an array, an image file, a video or a webcam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import isfinite

import cv2
import numpy as np

from ...datasets.files import read_image
from ...errors import DataError

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
"""Endings of files that are read as videos."""

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


def is_video(value: str | int | np.ndarray) -> bool:
    """Return whether an input moves: a file by its ending, a webcam always."""
    return isinstance(value, int) or (isinstance(value, str) and value.lower().endswith(VIDEOS))


def open_source(value: str | int | np.ndarray, name: str, called: str) -> Source:
    """Return the source of one file, webcam or array.

    Raises:
        DataError: a video cannot be opened. Images and webcams are read when it is their turn.
    """
    if isinstance(value, np.ndarray):
        return Source(called, name, lambda: iter([value]))
    if isinstance(value, int):
        return Source(called, name, lambda: _video(value, called), True, None)
    if not is_video(value):
        return Source(called, name, lambda: iter([read_image(value)]))
    video = _opened(value, called)
    rate, length = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    return Source(
        called,
        name,
        lambda: _video(value, called, length),
        True,
        length if length > 0 else None,
        rate if isfinite(rate) and rate > 0 else DEFAULT_RATE,
    )


def _opened(source: str | int, called: str) -> cv2.VideoCapture:
    try:
        str(source).encode()
    except UnicodeEncodeError:
        # OpenCV 5 would crash the interpreter.
        raise DataError(
            f"{called} has a name that is no valid Unicode; rename the video."
        ) from None
    video = cv2.VideoCapture(source)
    if not video.isOpened():
        raise DataError(f"{called} cannot be opened as a video.")
    return video


def _video(source: str | int, called: str, length: int = 0) -> Iterator[np.ndarray]:
    """Yield the frames of a video file of about `length` frames, or of a webcam."""
    video = _opened(source, called)
    try:
        read = 0
        while True:
            good, image = video.read()
            if not good:
                break
            read += 1
            yield image
        # Containers count roughly; a tenth is more than that.
        if read == 0 or read < 0.9 * length:
            of = f" of {length}" if length > 0 else ""
            raise DataError(f"{called} ends after {read}{of} frames; it is damaged or cut off.")
    finally:
        video.release()
