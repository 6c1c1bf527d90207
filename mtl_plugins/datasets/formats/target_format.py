"""The base of all formats, the general format, and the registry of formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import ceil, floor
from numbers import Real
from typing import Any

import numpy as np
from mmengine.registry import Registry

from ...errors import DataError

FORMATS = Registry("target format")
"""Formats that a config can name: `targets=dict(height=dict(format=dict(type="MyFormat")))`."""

Invalid = tuple[float | tuple[float, float], ...]
"""Raw values that mean "no truth": numbers, and ranges (smallest, largest) with both ends."""


def invalid_values(given: Any) -> Invalid:
    """Return the argument `invalid` of a format as tuples, which are equal where values are.

    Raises:
        DataError: an entry is neither a number nor a range.

    >>> invalid_values([0, [65530, 65535]]), invalid_values(-9999)
    ((0, (65530, 65535)), (-9999,))
    """
    entries = [given] if isinstance(given, Real) else given
    try:
        found: Any = tuple(tuple(e) if isinstance(e, (list, tuple)) else e for e in entries)
        pairs = [each for each in found if not isinstance(each, Real)]
        right = all(len(each) == 2 and each[0] <= each[1] for each in pairs)
        right = right and all(isinstance(end, Real) for each in pairs for end in each)
    except (TypeError, ValueError):
        right = False
    if not right:
        raise DataError(
            f"invalid={given!r}; expected raw values and ranges (smallest, largest), such as "
            "(0, (65530, 65535))."
        )
    return found


def is_invalid(raw: np.ndarray, invalid: Invalid) -> np.ndarray:
    """Return which raw values are in `invalid`, which may have nan.

    >>> is_invalid(np.array([0, 3, 7, 8]), (0, (7, float("inf")))).tolist()
    [True, False, True, True]
    """
    numbers = [each for each in invalid if not isinstance(each, tuple)]
    found = np.isin(raw, numbers)
    if np.isnan(numbers).any():
        found |= np.isnan(raw)
    for each in invalid:
        if isinstance(each, tuple):
            found |= (raw >= each[0]) & (raw <= each[1])
    return found


def nearest_known(raw: np.ndarray, invalid: Invalid, low: int, high: int) -> np.ndarray:
    """Replace whole raw values in `invalid` by the nearest ones of `low` to `high` that are not.

    >>> nearest_known(np.array([0, 4, 9]), (0, (3, 5), 6), 0, 9).tolist()
    [1, 2, 9]
    """
    for first, last in _spans(invalid, low, high):
        below, above = first - 1, last + 1
        inside = (raw >= first) & (raw <= last)
        if below < low or above > high:
            nearest: Any = above if below < low else below
        else:
            nearest = np.where(raw - below <= above - raw, below, above)
        raw = np.where(inside, nearest, raw)
    return raw


def _spans(invalid: Invalid, low: int, high: int) -> list[list[int]]:
    """Return the whole numbers of `low` to `high` in `invalid` as disjoint spans, ends included."""
    pairs = [each if isinstance(each, tuple) else (each, each) for each in invalid]
    pairs = [(max(first, low), min(last, high)) for first, last in pairs]
    spans: list[list[int]] = []
    for first, last in sorted((ceil(a), floor(b)) for a, b in pairs if a <= b):
        if spans and first <= spans[-1][1] + 1:
            spans[-1][1] = max(spans[-1][1], last)
        elif first <= last:
            spans.append([first, last])
    return spans


class TargetFormat(ABC):
    """Decode the raw values of a target's file into the values that `targets.py` defines.

    `channels` is the number of channels of a file (0: any). An `exact` format refuses files with
    lossy compression. A format that is not `local` needs the whole map, because a pixel's value
    depends on others: `LoadTargets` decodes it before any crop, and packed data holds its decoded
    values. If the meaning of raw values differs from file to file (disparity with one
    camera per file), `for_file` returns the format of one file.

    A format of your own that is a registered frozen dataclass (`FORMATS.register_module()`) can be
    named in a config, and packed with its arguments, whose values must be JSON.
    """

    channels: int = 1
    exact: bool = False
    local: bool = True

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
        invalid: raw values that mean "no truth", and ranges (smallest, largest) of them; nan and
            infinity always do. A pixel is invalid if all its channels are.
        low, high: values outside are no truth.
        channels: number of channels of a file.

    Raises:
        DataError: `scale` is 0 or not finite, `low` is above `high`, or `invalid` has something
            else.

    Invalid pixels decode to nan.

    >>> ValueFormat(scale=0.01, invalid=(0, (250, 255)))(np.array([[0, 50, 254]])).tolist()
    [[nan, 0.5, nan]]
    """

    scale: float = 1.0
    offset: float = 0.0
    invalid: Invalid = ()
    low: float = float("-inf")
    high: float = float("inf")
    channels: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "invalid", invalid_values(self.invalid))
        if not self.scale or not np.isfinite(self.scale):
            raise DataError(f"{self}: expected a finite scale that is not 0.")
        if not self.low <= self.high:
            raise DataError(f"{self}: expected low to be at most high; no value lies between them.")

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values of the file `path` into float32 values of the same shape."""
        unknown = ~np.isfinite(raw) | is_invalid(raw, self.invalid)
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
        single = replace(self, channels=1)
        known = np.flatnonzero(np.isfinite(single(np.arange(np.iinfo(kind).max + 1))))
        raw = np.nan_to_num((values.astype(np.float64) - self.offset) / self.scale)
        above = np.searchsorted(known, raw).clip(1, len(known) - 1)
        nearer = raw - known[above - 1] <= known[above] - raw
        return np.where(nearer, known[above - 1], known[above]).astype(kind)
