"""From the values of image files to intensities of 0 to 255."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np

from ...errors import DataError
from ...models.preprocessing import RGB_CHANNELS

FEW_LEVELS = 64
"""Number of grey levels below which an image of 16 bits has lost most of what its file holds."""

CLIPPED = 0.05
"""Share of a channel's pixels outside of `image_range` above which the range is wrong."""

LARGEST, SMALLEST = 1e9, 1e-6
"""Largest end of a range, and its smallest length: float32 must tell its levels apart."""

BYTES = (0, 255)
"""The range of values of 8 bits."""

Range = tuple[float, float]

Ranges = Range | tuple[Range, ...]
"""The range of all channels, or one for each: red, green, blue, others."""


def is_image_range(given: Any, channels: int | None = None) -> bool:
    """Return whether a value is a range of values, smallest first, or one for each channel.

    Args:
        given: the value.
        channels: number of channels, where it is known.

    >>> is_image_range([0, 4095]), is_image_range((4095, 0)), is_image_range("12")
    (True, False, False)
    >>> is_image_range([(0, 255)] * 3 + [(0, 16383)], channels=4)
    True
    """
    if not isinstance(given, (list, tuple)) or not given:
        return False
    if isinstance(given[0], (list, tuple)):
        return channels in (None, len(given)) and all(map(_is_range, given))
    return _is_range(given)


def _is_range(given: Any) -> bool:
    pair = isinstance(given, (list, tuple)) and len(given) == 2
    if not pair or not all(isinstance(v, Real) and abs(float(v)) <= LARGEST for v in given):
        return False
    return float(given[1]) - float(given[0]) >= SMALLEST


def frozen_range(given: Any) -> Ranges:
    """Return a range as tuples, which can be compared and hashed.

    >>> frozen_range([[0, 255], [0, 4095]])
    ((0, 255), (0, 4095))
    """
    return tuple(tuple(each) if isinstance(each, (list, tuple)) else each for each in given)


def each_range(given: Ranges, channels: int) -> tuple[Range, ...]:
    """Return the range of each channel.

    >>> each_range((0, 4095), 3)
    ((0, 4095), (0, 4095), (0, 4095))
    """
    limits: Any = frozen_range(given)
    return limits if isinstance(limits[0], tuple) else (limits,) * channels


def is_channels(given: Any) -> bool:
    """Return whether a value is a number of channels: red, green, blue and perhaps others."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= RGB_CHANNELS


def to_intensities(
    values: np.ndarray, path: str, image_range: Ranges | None = None, strict: bool = False
) -> np.ndarray:
    """Return the values of an image as intensities of 0 to 255: uint8, or float32 with fractions.

    Values of 8 bits stay as they are. Of 16 bits, a stated range becomes 0 to 255 in float32, in
    which each value stays distinct; without a range they lose their low byte.

    Args:
        values: H,W or H,W,C uint8, uint16, or floats, which need a range.
        path: for messages.
        image_range: values that become 0 and 255; others are clipped. One for each channel may be
            given: red, green, blue, others (in `values` blue comes first).
        strict: refuse values outside of the range, if many pixels have them; else warn.

    Raises:
        DataError: floats without a range, values that are not finite or outside, another type, or
            another number of channels than of ranges.

    >>> to_intensities(np.array([[0, 819, 4095]], np.uint16), "a.png", (0, 4095)).tolist()
    [[0.0, 51.0, 255.0]]
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16 and image_range is None:
        return to_bytes(values)
    if image_range is None or values.dtype.kind not in "uif":
        raise DataError(
            f"{path} has values of the type {values.dtype}; expected 8 or 16 bits, or numbers with "
            "image_range=(black, white) in the data set. Convert it, or give the range."
        )
    if not np.isfinite(values).all():
        raise DataError(f"{path} has values that are not finite; expected numbers. Replace them.")
    low, high = _ends(image_range, values, path)
    outside = ((values < low) | (values > high)).mean(axis=(0, 1)).max()
    if outside > CLIPPED and strict:
        raise DataError(
            f"{path} has values of {values.min():g} to {values.max():g}, and {100 * outside:.0f} % "
            f"of its pixels lie outside of image_range={image_range}. Give the range of the files; "
            "a wide one keeps all levels too."
        )
    if outside > CLIPPED:
        # Without path and numbers, so that Python shows it only once.
        text = f"16-bit images have many values outside of image_range={image_range}."
        warnings.warn(text, stacklevel=2)
    scaled = (values.astype(np.float32) - low) * (255 / (high - low)).astype(np.float32)
    return scaled.clip(0, 255, out=scaled)


def _ends(image_range: Ranges, values: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the range of all channels, or those of each, blue first, as float32.

    Raises:
        DataError: the values have another number of channels.
    """
    limits = np.array(image_range, np.float32)
    if limits.ndim == 2:
        if values.shape[2:] != (len(limits),):
            raise DataError(
                f"{path} has values of shape {values.shape}; image_range={image_range} is for "
                f"{len(limits)} channels. Give one range for all channels, or one for each."
            )
        limits[:RGB_CHANNELS] = limits[RGB_CHANNELS - 1 :: -1].copy()
    return limits[..., 0], limits[..., 1]


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Return the high bytes of 16-bit values as uint8.

    Warns, once in a process, if this loses most of what the values distinguish.

    >>> to_bytes(np.array([[0, 0x1234, 0xFFFF]], np.uint16)).tolist()
    [[0, 18, 255]]
    """
    least, most = int(values.min()), int(values.max())
    found = (values >> 8).astype(np.uint8)
    levels = int(found.max()) - int(found.min()) + 1
    if levels < min(FEW_LEVELS, most - least + 1):
        bits = max(most.bit_length(), 8)
        warnings.warn(
            f"16-bit images have values below {2**bits} alone and are read with few grey levels. "
            "Give the data set the values that are black and white: for pictures of "
            f"{bits} bits image_range=(0, {2**bits - 1}).",
            stacklevel=2,
        )
    return found


def shown_colours(image: np.ndarray) -> np.ndarray:
    """Return the blue, green and red of an image H,W,C as bytes H,W,3, to show them.

    >>> shown_colours(np.array([[[0.4, 99.6, 255.0, 7.0]]])).tolist()
    [[[0, 100, 255]]]
    """
    colours = image[..., :RGB_CHANNELS]
    return colours if colours.dtype == np.uint8 else np.rint(colours).astype(np.uint8)
