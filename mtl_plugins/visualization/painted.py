"""Options for painting, and what painting a task gives: pictures, scores and keys of colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.colors import Normalize

from ..targets import PREDEFINED, Target
from .colors import RGB
from .maps import TaskMaps

TITLES = {"classes": "semantic segmentation", "direction": "surface normals"}
"""Headings of predefined targets by type, where they differ from the name."""


@dataclass(frozen=True)
class Style:
    """Options for painting maps.

    Args:
        depth_log: scale the logarithm of distances.
        percentiles: percentiles of the true values that the colours span.
        ranges: values of the first and the last colour by the target's name, instead of
            percentiles, to make several pictures comparable; of offsets, the last is the length
            of a saturated colour.
        worst_errors: error of the last colour by the target's name. Default: a relative error of
            0.5 of distances, 60 degrees of directions, else half of the span of the values.
    """

    depth_log: bool = False
    percentiles: tuple[float, float] = (2.0, 98.0)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    worst_errors: Mapping[str, float] = field(default_factory=dict)

    def error_norm(self, target: Target, default: float) -> Normalize:
        """Return the scale from the error of a target to colour."""
        return Normalize(0.0, self.worst_errors.get(target.name, default), clip=True)


@dataclass(frozen=True)
class Bar:
    """A colour bar: its scale, colour map and caption."""

    norm: Normalize
    colormap: str
    caption: str


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
