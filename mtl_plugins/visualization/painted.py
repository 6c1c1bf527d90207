"""Options for painting, and what painting a task gives: pictures, scores and keys of colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from ..targets import PREDEFINED, Target
from .colors import RGB, depth_norm
from .maps import TaskMaps

TITLES = {"classes": "semantic segmentation", "direction": "surface normals"}
"""Headings of predefined targets by type, where they differ from the name."""

WIDE = 20.0
"""Ratio of the last and the first colour's value from which numbers have logarithmic colours."""


@dataclass(frozen=True)
class Style:
    """Options for painting maps.

    Args:
        depth_log: scale the logarithm of distances, and of scalars above 0 whose colours span a
            factor of `WIDE` or more.
        percentiles: percentiles of the true values that the colours of a target without `range`
            span.
        ranges: values of the first and the last colour by the target's name, instead of the
            target's range or percentiles; of offsets, the last is the length of a saturated
            colour.
        worst_errors: error of the last colour by the target's name. Default: a relative error of
            0.5 of distances, 60 degrees of directions, else half of the span of the values.
    """

    depth_log: bool = True
    percentiles: tuple[float, float] = (2.0, 98.0)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    worst_errors: Mapping[str, float] = field(default_factory=dict)

    def norm(self, target: Target, low: float, high: float) -> Normalize:
        """Return the scale from the values of a scalar to colour, logarithmic where it should be.

        >>> Style().norm(PREDEFINED["depth"], 1, 2)(1.414).round(2).item()
        0.5
        """
        log = self.depth_log and low > 0 and (target.distance or high >= WIDE * low)
        return depth_norm(low, high, log)

    def error_norm(self, target: Target, default: float) -> Normalize:
        """Return the scale from the error of a target to colour."""
        return Normalize(0.0, self.worst_errors.get(target.name, default), clip=True)


@dataclass(frozen=True)
class Bar:
    """A colour bar: its scale, colour map and caption."""

    norm: Normalize
    colormap: str
    caption: str

    def ticks(self, most: int) -> list[float]:
        """Return at most `most` (four or more) round values, from the first colour to the last.

        >>> Bar(LogNorm(0.8, 80), "magma_r", "depth [m]").ticks(7)
        [1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
        >>> Bar(Normalize(0, 0.5), "viridis", "error").ticks(6)
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
        """
        low, high = self.norm.vmin or 0.0, self.norm.vmax or 0.0
        for digits in ((1, 2, 5), (1, 3), (1,)) if isinstance(self.norm, LogNorm) else ():
            powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
            found = [digit * 10.0**power for power in powers for digit in digits]
            found = [value for value in found if low <= value <= high]
            if 3 <= len(found) <= most:
                return found
        # The locator counts the intervals that begin or end beyond the scale, too.
        for intervals in range(most + 1, 0, -1):
            even = MaxNLocator(intervals, steps=(1, 2, 2.5, 5, 10)).tick_values(low, high)
            found = [float(f"{value:.9g}") for value in even if low <= value <= high]
            if len(found) <= most:
                break
        return found


def value_bar(title: str, norm: Normalize, colormap: str) -> Bar:
    """Return the colour bar of numbers, which says whether its scale is logarithmic.

    >>> value_bar("depth [m]", LogNorm(1, 80), "magma_r").caption
    'depth [m], logarithmic'
    """
    return Bar(norm, colormap, title + ", logarithmic" * isinstance(norm, LogNorm))


@dataclass(frozen=True)
class Key:
    """Explanation of a picture's colours; every part may be missing.

    Args:
        swatches: names and colours.
        bar: a colour bar.
        wheel: caption of the wheel of directions, see `offset_wheel`; "": there is none.
    """

    swatches: Sequence[tuple[str, RGB]] = field(default_factory=tuple)
    bar: Bar | None = None
    wheel: str = ""


@dataclass(frozen=True)
class Row:
    """The painted maps of a task: pictures (H,W,3 uint8, or None), scores as text, and two keys.

    `key` explains truth and prediction, `error_key` the error.
    """

    name: str
    truth: np.ndarray | None
    prediction: np.ndarray | None
    error: np.ndarray | None
    scores: str
    key: Key
    error_key: Key


def painted(
    maps: TaskMaps,
    paint: Callable[[np.ndarray], np.ndarray],
    compare: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, str]],
    key: Key,
    error_key: Key,
) -> Row:
    """Paint the maps that exist; compare prediction and truth (error, scores) if both do."""
    truth, prediction = (None if m is None else paint(m) for m in (maps.truth, maps.prediction))
    error, scores = None, ""
    if maps.prediction is not None and maps.truth is not None:
        error, scores = compare(maps.prediction, maps.truth)
    name = maps.name or title_of(maps.target)
    return Row(name, truth, prediction, error, scores, key, error_key)


def title_of(target: Target) -> str:
    """Return the heading of a target.

    >>> title_of(PREDEFINED["normals"]), title_of(Target("height", "scalar", unit="m"))
    ('surface normals', 'height [m]')
    """
    if target.name in PREDEFINED:
        return TITLES.get(target.type, target.name)
    return with_unit(target)


def with_unit(target: Target) -> str:
    """Return the name of a target, with its unit if it has one.

    >>> with_unit(PREDEFINED["depth"])
    'depth [m]'
    """
    return f"{target.name} [{target.unit}]" if target.unit else target.name
