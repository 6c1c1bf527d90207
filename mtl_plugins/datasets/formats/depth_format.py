"""How a depth file's values become metres."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...errors import DataError
from ...targets import NO_DEPTH
from .target_format import TargetFormat

TABLE_TYPES = (np.uint8, np.uint16)
"""Raw types that are decoded by a table of all their values, which is five times as fast."""

FARTHEST = float(np.finfo(np.float32).max)
"""What depth is stored in; larger values would become infinite."""


@dataclass(frozen=True)
class DepthFormat(TargetFormat):
    """Decode raw depth values: `value = raw * scale + offset`, inverted for disparity.

    What was not measured becomes 0: the raw values in `invalid`, values that are not positive
    after scaling, and depths outside [min_depth, max_depth].

    Args:
        scale, offset: metres a raw step and at raw 0 (for 16-bit centimetres: scale 0.01).
        inverse: the value is an inverse depth: depth = 1 / value. With disparity in pixels, scale
            is 1 / (baseline * focal length).
        invalid: raw values that mean "not measured"; float files may name nan, inf and -1 here.
        min_depth, max_depth: metres outside which a pixel counts as not measured.
        digits: for depth spread over several 8-bit channels (RGB order), what one step of each is
            worth; raw = sum(digit * channel). 24 bits with red lowest: (1, 256, 65536).

    Raises:
        DataError: `scale` is 0; or a file has raw values that are nan, infinite or negative and
            are not listed in `invalid`.

    >>> DepthFormat(scale=0.01)(np.array([[0, 250]], dtype=np.uint16)).tolist()
    [[0.0, 2.5]]
    >>> DepthFormat(scale=0.5, inverse=True)(np.array([[0, 4]])).tolist()
    [[0.0, 0.5]]
    """

    scale: float = 1.0
    offset: float = 0.0
    inverse: bool = False
    invalid: tuple[float, ...] = (0,)
    min_depth: float = 0.0
    max_depth: float = float("inf")
    digits: tuple[float, ...] = (1,)
    channels: int = field(init=False, repr=False)
    exact: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.scale == 0:
            raise DataError("depth_format: scale=0 makes every depth the same; expected not 0.")
        # Configs and JSON have lists where equality and hashing need tuples.
        object.__setattr__(self, "invalid", tuple(self.invalid))
        object.__setattr__(self, "digits", tuple(self.digits))
        object.__setattr__(self, "channels", len(self.digits))
        # A small error of the highest digit would be a large one of depth.
        object.__setattr__(self, "exact", self.channels > 1)

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Return H,W float32 metres for the raw values of the file `path`."""
        if self.channels == 1 and raw.dtype.type in TABLE_TYPES:
            return self._tables[raw.dtype.itemsize - 1].take(raw)
        if self.channels > 1:
            raw = raw.astype(np.float64) @ np.array(self.digits, np.float64)
        self._check(raw, path)
        return self._decode(raw)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the raw values nearest to depths in metres, of 16 bits or in several channels.

        Depths outside what can be written become the nearest raw value that means a depth.

        >>> DepthFormat(scale=0.01).encode(np.array([[2.5, 1e9]])).tolist()
        [[250, 65535]]
        >>> DepthFormat(scale=0.001, digits=(1, 256, 65536)).encode(np.array([[66.0]])).tolist()
        [[[208, 1, 1]]]
        """
        value = 1 / values.astype(np.float64) if self.inverse else values.astype(np.float64)
        raw = ((value - self.offset) / self.scale).round()
        low, high = 0, 65535 if self.channels == 1 else 255 * int(sum(self.digits))
        while low in self.invalid or low * self.scale + self.offset <= 0:
            low += 1
        while high in self.invalid:
            high -= 1
        raw = raw.clip(low, high).astype(np.int64)
        if self.channels == 1:
            return raw.astype(np.uint16)
        channels = np.zeros((*raw.shape, self.channels), np.uint8)
        for index in np.argsort(self.digits)[::-1]:
            channels[..., index], raw = np.divmod(raw, int(self.digits[index]))
        return channels

    def _check(self, raw: np.ndarray, path: str) -> None:
        """Raise for values that no depth has, unless they are said to mean "not measured"."""
        wrong = ~np.isfinite(raw) | (raw < 0)
        if not wrong.any():
            return
        wrong &= ~self._unmeasured(raw)
        if wrong.any():
            value = raw[wrong][0]
            raise DataError(
                f"{path} has {wrong.sum()} depth values that are negative, nan or infinite, such "
                f"as {value}. List them in depth_format.invalid (now {list(self.invalid)}) if they "
                "mean not measured; otherwise replace the file."
            )

    def _unmeasured(self, raw: np.ndarray) -> np.ndarray:
        """Return where the raw value is one of `invalid`."""
        found = np.isin(raw, self.invalid)
        return found | np.isnan(raw) if np.isnan(self.invalid).any() else found

    def _decode(self, raw: np.ndarray) -> np.ndarray:
        value = raw.astype(np.float64) * self.scale + self.offset
        valid = np.isfinite(value) & (value > 0) & ~self._unmeasured(raw)
        value = np.where(valid, value, 1.0)
        with np.errstate(over="ignore"):
            depth = 1.0 / value if self.inverse else value
        valid &= (depth >= self.min_depth) & (depth <= min(self.max_depth, FARTHEST))
        return np.where(valid, depth, NO_DEPTH).astype(np.float32)

    @cached_property
    def _tables(self) -> list[np.ndarray]:
        """The metres of every raw value of each of `TABLE_TYPES`."""
        return [self._decode(np.arange(np.iinfo(t).max + 1, dtype=t)) for t in TABLE_TYPES]
