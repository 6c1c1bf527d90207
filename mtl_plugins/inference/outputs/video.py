"""Videos of pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ...errors import DataError

WIDEST = 3840
"""Pixels; MPEG-4 and most players end not far above."""


class SideBySideVideo:
    """An MPEG-4 video (`mp4v`) whose frames are rows of pictures of one size.

    All frames have the size of the first, shrunk where it is wider than `WIDEST`; both sides are
    even, which the codec demands. It is complete after `close`.

    Args:
        path: file to write, `.mp4`.
        rate: frames a second.

    Raises:
        DataError: the file cannot be written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self.path = path
        self.rate = rate
        self.frames = 0
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, pictures: Sequence[np.ndarray]) -> None:
        """Add a frame of pictures H,W,3 uint8 RGB."""
        if self._writer is None:
            self._writer = self._opened(pictures)
        width, height = self._size
        row = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures]
        self._writer.write(np.hstack(row)[..., ::-1])
        self.frames += 1

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _opened(self, pictures: Sequence[np.ndarray]) -> cv2.VideoWriter:
        height, width = pictures[0].shape[:2]
        scale = min(1.0, WIDEST / (width * len(pictures)))
        width, height = (max(2, round(scale * side) // 2 * 2) for side in (width, height))
        self._size = width, height
        total = (self._size[0] * len(pictures), self._size[1])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(self.path), codec, self.rate, total)
        if not writer.isOpened():
            raise DataError(
                f"{self.path} cannot be written as an MPEG-4 video of {total[0]}x{total[1]} "
                "pixels: is the folder writable, and has OpenCV FFmpeg?"
            )
        return writer
