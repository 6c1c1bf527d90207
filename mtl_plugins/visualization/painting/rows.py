"""What a panel shows of one task: pictures, captions and keys, before any layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.colors import Normalize
from mmengine.structures import BaseDataElement
from torch import Tensor

from ...targets import DENSE_TARGETS, IGNORE_LABEL
from .colors import RGB


@dataclass(frozen=True)
class TaskMaps:
    """The maps of one task of one image.

    Args:
        kind: a kind of `DENSE_TARGETS`.
        prediction: H,W (normals: H,W,3), or None where there is none.
        truth: the same shape, or None where there is none.
        name: heading of the row, the task's name by default.

    Raises:
        ValueError: an unknown kind, neither map, or maps that are not of one such shape.
    """

    kind: str
    prediction: np.ndarray | None = None
    truth: np.ndarray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in DENSE_TARGETS:
            raise ValueError(f"kind={self.kind!r}: expected one of {list(DENSE_TARGETS)}.")
        shapes = {m.shape for m in (self.prediction, self.truth) if m is not None}
        channels = DENSE_TARGETS[self.kind].channels
        tail = () if channels == 1 else (channels,)
        if len(shapes) != 1 or next(iter(shapes)) != (*self.shape, *tail):
            raise ValueError(
                f"The {self.kind} maps have shapes {sorted(shapes)}: expected a prediction, a "
                f"truth or both, of one shape {','.join(['H', 'W', *map(str, tail)])}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """H,W of both maps."""
        return self.known[0].shape[:2]

    @property
    def known(self) -> list[np.ndarray]:
        """Truth and prediction, or the one that is there."""
        return [values for values in (self.truth, self.prediction) if values is not None]


@dataclass(frozen=True)
class Style:
    """How the maps of every row are painted.

    Args:
        classes: names of the classes.
        palette: one R, G, B in 0..255 a class.
        ignore_label: class id of pixels without truth.
        depth_unit: shown beside depths; not every data set is metric.
        depth_log: equal ratios of depth are equally far apart in colour.
        depth_percentiles: what of the true depths the colours span, see `depth_range`.
        depth_range: depths of the first and the last colour, instead of percentiles, so that
            several pictures can be compared.
        worst_depth_error: relative error of the last colour.
        worst_angle: angle between normals of the last colour, degrees.
    """

    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    ignore_label: int = IGNORE_LABEL
    depth_unit: str = "m"
    depth_log: bool = False
    depth_percentiles: tuple[float, float] = (2.0, 98.0)
    depth_range: tuple[float, float] | None = None
    worst_depth_error: float = 0.5
    worst_angle: float = 60.0


@dataclass(frozen=True)
class Bar:
    """A colour bar: its scale, colour map and caption."""

    norm: Normalize
    colormap: str
    caption: str


@dataclass(frozen=True)
class Key:
    """What explains the colours of a picture: named swatches, a colour bar or both."""

    swatches: Sequence[tuple[str, RGB]] = field(default_factory=tuple)
    bar: Bar | None = None


@dataclass(frozen=True)
class Row:
    """One row of a panel: pictures (H,W,3 uint8, or None), scores as text, and two keys.

    `key` explains truth and prediction, `error_key` the error.
    """

    name: str
    truth: np.ndarray | None
    prediction: np.ndarray | None
    error: np.ndarray | None
    scores: str
    key: Key
    error_key: Key


def as_array(data: Tensor) -> np.ndarray:
    """Return a map of a sample as pictures have it: 1,H,W as H,W and C,H,W as H,W,C."""
    return data.squeeze(0).cpu().numpy() if len(data) == 1 else data.movedim(0, 2).cpu().numpy()


def sample_maps(sample: BaseDataElement) -> list[TaskMaps]:
    """Return prediction and truth (where it is there) of each task that a sample predicts."""
    return [
        TaskMaps(
            kind=target.kind,
            prediction=as_array(sample.get(target.prediction).data),
            truth=as_array(sample.get(target.truth).data) if target.truth in sample else None,
        )
        for target in DENSE_TARGETS.values()
        if target.prediction in sample
    ]
