"""Decoding and encoding of files of depth and of surface normals."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...errors import DataError
from ...targets import NO_DEPTH, NO_NORMAL
from .target_format import (
    FORMATS,
    Invalid,
    TargetFormat,
    invalid_values,
    is_invalid,
    nearest_known,
)

TABLE_TYPES = (np.uint8, np.uint16)
"""Raw types that are decoded by a lookup table, which is five times as fast."""

FARTHEST = float(np.finfo(np.float32).max)
"""Larger depths would become infinite in float32."""


@FORMATS.register_module()
@dataclass(frozen=True)
class DepthFormat(TargetFormat):
    """Decode raw depth values: `value = raw * scale + offset`, inverted for disparity.

    Pixels become 0 (not measured) if their raw value is in `invalid`, their scaled value is not
    positive, or their depth is outside [min_depth, max_depth]. A sensor or renderer often stores
    what it does not reach (the sky) near its largest value, not exactly there: `max_depth` finds
    it for every scale, digits and disparity.

    Args:
        scale, offset: metres per raw step, and at raw 0 (16-bit centimetres: scale 0.01).
        inverse: the value is an inverse depth: depth = 1 / value. For disparity in pixels, scale
            is 1 / (baseline * focal length).
        invalid: raw values that mean "not measured", and ranges (smallest, largest) of them; for
            float files also nan, inf or -1.
        min_depth, max_depth: metres outside which a pixel counts as not measured. Infinite raw
            values are beyond a `max_depth`, negative ones below a `min_depth` above 0.
        digits: for depth in several 8-bit channels (RGB order) the weight of each channel:
            raw = sum(digit * channel). 24 bits with red lowest: (1, 256, 65536).

    Raises:
        DataError: `scale` is 0, no depth is within the limits, or `invalid` has something else; or,
            while decoding, raw values are nan, infinite or negative, and neither in `invalid` nor
            outside the depths.

    >>> DepthFormat(scale=0.01)(np.array([[0, 250]], dtype=np.uint16)).tolist()
    [[0.0, 2.5]]
    >>> DepthFormat(scale=0.5, inverse=True)(np.array([[0, 4]])).tolist()
    [[0.0, 0.5]]
    """

    scale: float = 1.0
    offset: float = 0.0
    inverse: bool = False
    invalid: Invalid = (0,)
    min_depth: float = 0.0
    max_depth: float = float("inf")
    digits: tuple[float, ...] = (1,)
    channels: int = field(init=False, repr=False)
    exact: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.scale == 0:
            raise DataError("depth_format: scale=0 makes every depth the same; expected not 0.")
        if not self.min_depth <= self.max_depth:
            raise DataError(
                f"depth_format: min_depth={self.min_depth}, max_depth={self.max_depth}; expected "
                "the smaller one first: no depth lies between them."
            )
        # Configs and JSON have lists where equality and hashing need tuples.
        object.__setattr__(self, "invalid", invalid_values(self.invalid))
        object.__setattr__(self, "digits", tuple(self.digits))
        object.__setattr__(self, "channels", len(self.digits))
        # Lossy compression of the highest digit would change depth a lot.
        object.__setattr__(self, "exact", self.channels > 1)

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values of the file `path` into H,W float32 metres."""
        if self.channels == 1 and raw.dtype.type in TABLE_TYPES:
            return self._tables[raw.dtype.itemsize - 1].take(raw)
        if self.channels > 1:
            raw = raw.astype(np.float64) @ np.array(self.digits, np.float64)
        self._check(raw, path)
        return self._decode(raw)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode depths in metres as the nearest raw values: H,W uint16 or H,W,channels uint8.

        Depths out of range, or at a raw value in `invalid`, become the nearest raw value that means
        a depth.

        >>> DepthFormat(scale=0.01).encode(np.array([[2.5, 1e9]])).tolist()
        [[250, 65535]]
        >>> DepthFormat(scale=0.001, digits=(1, 256, 65536)).encode(np.array([[66.0]])).tolist()
        [[[208, 1, 1]]]
        """
        value = 1 / values.astype(np.float64) if self.inverse else values.astype(np.float64)
        raw = ((value - self.offset) / self.scale).round()
        low, high = self._raw_range
        raw = nearest_known(raw.clip(low, high).astype(np.int64), self.invalid, low, high)
        if self.channels == 1:
            return raw.astype(np.uint16)
        channels = np.zeros((*raw.shape, self.channels), np.uint8)
        for index in np.argsort(self.digits)[::-1]:
            channels[..., index], raw = np.divmod(raw, int(self.digits[index]))
        return channels

    def _check(self, raw: np.ndarray, path: str) -> None:
        """Raise for raw values that cannot be depth, unless they are in `invalid`."""
        wrong = ~np.isfinite(raw) | (raw < 0)
        if not wrong.any():
            return
        limited = self.min_depth > 0, self.max_depth < np.inf
        below, above = limited[::-1] if self.inverse else limited
        wrong &= ~is_invalid(raw, self.invalid)
        wrong &= ~((raw < 0) & below | (raw > 0) & above)
        if wrong.any():
            value = raw[wrong][0]
            raise DataError(
                f"{path} has {wrong.sum()} depth values that are negative, nan or infinite, such "
                f"as {value}. List them in depth_format.invalid (now {list(self.invalid)}) if they "
                "mean not measured; otherwise replace the file."
            )

    def _decode(self, raw: np.ndarray) -> np.ndarray:
        value = raw.astype(np.float64) * self.scale + self.offset
        valid = np.isfinite(value) & (value > 0) & ~is_invalid(raw, self.invalid)
        value = np.where(valid, value, 1.0)
        with np.errstate(over="ignore"):
            depth = 1.0 / value if self.inverse else value
        valid &= (depth >= self.min_depth) & (depth <= min(self.max_depth, FARTHEST))
        return np.where(valid, depth, NO_DEPTH).astype(np.float32)

    @cached_property
    def _raw_range(self) -> tuple[int, int]:
        """Smallest and largest raw value of a file that mean a depth, if not in `invalid`."""
        low, high = 0, 65535 if self.channels == 1 else 255 * int(sum(self.digits))
        values = np.array([self.min_depth, min(self.max_depth, FARTHEST)])
        with np.errstate(divide="ignore", over="ignore"):
            values = 1 / values if self.inverse else values
        ends = np.sort((values - self.offset) / self.scale).clip(low, high)
        low, high = int(np.ceil(ends[0])), int(np.floor(ends[1]))
        # Rounding may have left an end one step outside; depth 0 is none.
        decode = replace(self, invalid=(), digits=(1,))._decode
        known = [raw for raw in (low, low + 1, high - 1, high) if decode(np.array(raw)) > 0]
        return (min(known), max(known)) if known else (low, high)

    @cached_property
    def _tables(self) -> list[np.ndarray]:
        """Metres of every raw value, for each of `TABLE_TYPES`."""
        return [self._decode(np.arange(np.iinfo(t).max + 1, dtype=t)) for t in TABLE_TYPES]


LENGTHS = (0.5, 1.5)
"""Range of lengths of a normal; vectors outside are invalid (black, grey and NaN pixels)."""


@FORMATS.register_module()
@dataclass(frozen=True)
class NormalFormat(TargetFormat):
    """Decode raw normals: `vector = (raw * scale + offset) * signs`, normalised to length 1.

    The defaults read the usual 8-bit pictures, where 0..255 encodes -1..1, and files of
    floating-point numbers (`.npy`) as vectors. In pictures black (0, 0, 0) and grey (128, 128, 128)
    decode to vectors far from length 1, and so become invalid.

    Args:
        scale, offset: map a raw component to -1..1; default: 2 / 255 and -1 for integers, 1 and 0
            for floating-point numbers.
        signs: factor 1 or -1 of x, y and z, for data whose axes are not x right, y down, z ahead
            (OpenGL's y up, z backwards: 1, -1, -1).

    Raises:
        DataError: `scale` is 0, or `signs` are not three of 1 or -1.

    >>> NormalFormat()(np.array([[[255, 128, 128], [0, 0, 0]]], np.uint8)).round(2).tolist()
    [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]
    >>> NormalFormat()(np.array([[[0.0, -1.0, 0.0]]])).tolist()
    [[[0.0, -1.0, 0.0]]]
    """

    channels: int = field(default=3, init=False, repr=False)

    scale: float | None = None
    offset: float | None = None
    signs: tuple[int, int, int] = (1, 1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signs", tuple(self.signs))
        if self.scale == 0 or len(self.signs) != 3 or not set(self.signs) <= {1, -1}:
            raise DataError(
                f"normal_format: scale={self.scale}, signs={self.signs}; expected a scale that is "
                "not 0, and three signs of 1 or -1."
            )

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode H,W,3 raw values of the file `path` into float32 unit vectors (0: none)."""
        scale, offset = self._scaling(raw.dtype)
        vectors = (raw.astype(np.float32) * scale + offset) * np.array(self.signs, np.float32)
        length = np.linalg.norm(vectors, axis=-1, keepdims=True)
        # False for NaN as well.
        valid = (length > LENGTHS[0]) & (length < LENGTHS[1])
        return np.where(valid, vectors / np.where(valid, length, 1), NO_NORMAL).astype(np.float32)

    def _scaling(self, raw: np.dtype) -> tuple[float, float]:
        usual = (1.0, 0.0) if raw.kind == "f" else (2 / 255, -1.0)
        return (
            usual[0] if self.scale is None else self.scale,
            usual[1] if self.offset is None else self.offset,
        )

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode H,W,3 unit vectors as 8-bit values.

        >>> NormalFormat().encode(np.array([[[1.0, 0.0, -1.0]]])).tolist()
        [[[255, 128, 0]]]
        """
        scale, offset = self._scaling(np.dtype(np.uint8))
        raw = (values * np.array(self.signs) - offset) / scale
        return raw.round().clip(0, 255).astype(np.uint8)
