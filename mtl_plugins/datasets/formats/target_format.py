"""The base of all formats, the general format, and the registry of formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from mmengine.registry import Registry

from ...errors import DataError

FORMATS = Registry("target format")
"""Formats that a config can name: `targets=dict(height=dict(format=dict(type="MyFormat")))`."""


class TargetFormat(ABC):
    """Decode the raw values of a target's file into the values that `targets.py` defines.

    `channels` is the number of channels of a file (0: any). An `exact` format refuses files with
    lossy compression. If the meaning of raw values differs from file to file (disparity with one
    camera per file), `for_file` returns the format of one file.

    A format of your own that is a registered frozen dataclass (`FORMATS.register_module()`) can be
    named in a config, and packed with its arguments, whose values must be JSON.
    """

    channels: int = 1
    exact: bool = False

    @abstractmethod
    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values, H,W or H,W,channels, of the file `path`."""

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode decoded values as raw values, to write predictions in the format of the truth."""
        raise NotImplementedError(f"{type(self).__name__} cannot encode.")

    def for_file(self, path: str) -> TargetFormat:
        """Return the format of one file, which needs no other file to decode it."""
        return self


@FORMATS.register_module()
@dataclass(frozen=True)
class ValueFormat(TargetFormat):
    """Decode files of numbers or vectors: `value = raw * scale + offset`.

    Args:
        scale, offset: units per raw step, and the value of raw 0 (8-bit shares of 1: scale
            1 / 255).
        invalid: raw values that mean "no truth"; nan and infinity always do. A pixel is invalid
            if all its channels are.
        low, high: values outside are no truth.
        channels: number of channels of a file.

    Raises:
        DataError: `scale` is 0 or not finite.

    Invalid pixels decode to nan.

    >>> ValueFormat(scale=0.01, invalid=(0, 255))(np.array([[0, 50, 255]])).tolist()
    [[nan, 0.5, nan]]
    """

    scale: float = 1.0
    offset: float = 0.0
    invalid: tuple[float, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    channels: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "invalid", tuple(np.atleast_1d(self.invalid).tolist()))
        if not self.scale or not np.isfinite(self.scale):
            raise DataError(f"{self}: expected a finite scale that is not 0.")

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values of the file `path` into float32 values of the same shape."""
        unknown = ~np.isfinite(raw) | np.isin(raw, self.invalid)
        values = np.where(unknown, 0, raw).astype(np.float64) * self.scale + self.offset
        none = unknown if self.channels == 1 else unknown.all(-1)
        outside = (values < self.low) | (values > self.high)
        values[none | (outside if self.channels == 1 else outside.any(-1))] = np.nan
        return values.astype(np.float32)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode values as the nearest valid raw values: uint16 of one channel, uint8 of three.

        Raises:
            NotImplementedError: image files do not have that number of channels.

        >>> ValueFormat(scale=0.5, invalid=(0,)).encode(np.array([[2.0, 0.1]])).tolist()
        [[4, 1]]
        """
        if self.channels not in (1, 3):
            raise NotImplementedError(f"No picture has {self.channels} channels.")
        kind = np.uint16 if self.channels == 1 else np.uint8
        known = np.setdiff1d(np.arange(np.iinfo(kind).max + 1), self.invalid)
        raw = np.nan_to_num((values.astype(np.float64) - self.offset) / self.scale)
        above = np.searchsorted(known, raw).clip(1, len(known) - 1)
        nearer = raw - known[above - 1] <= known[above] - raw
        return np.where(nearer, known[above - 1], known[above]).astype(kind)
