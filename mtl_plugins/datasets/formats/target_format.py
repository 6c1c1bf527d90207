"""What every format of a target's files is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class TargetFormat(ABC):
    """How the raw values of a target's file become what the toolkit means by it.

    `channels` is the number of channels that a file has, 0: any; `exact` formats refuse files whose
    values lossy compression has changed. A format whose meaning differs from file to file
    (disparity with a camera of its own) returns that of one file from `for_file`.
    """

    channels: int = 1
    exact: bool = False

    @abstractmethod
    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Return the decoded values for the raw ones, H,W or H,W,channels, of the file `path`."""

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the raw values that stand for decoded ones, to write predictions as truth is."""
        raise NotImplementedError(f"{type(self).__name__} cannot encode.")

    def for_file(self, path: str) -> TargetFormat:
        """Return the format of one file, which needs no other file to decode it."""
        return self
