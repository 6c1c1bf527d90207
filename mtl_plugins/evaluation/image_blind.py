"""Predictors that ignore the image: a network must score clearly better than they do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from torch import Tensor

from ..datasets import TargetReader
from ..errors import DataError
from ..targets import Target, targets_in
from ..utils import track
from .multi_task_metric import MultiTaskMetric, NormalsMetric, Tally

Truths = Iterable[Mapping[str, np.ndarray]]
"""The maps (H,W or H,W,C) of each image by target's name; one that is missing is left out."""


@dataclass(frozen=True)
class ImageBlindPredictor:
    """The same prediction for every image; built by `fit_image_blind`.

    Args:
        maps: gh,gw(,C) values by target's name.
    """

    maps: Mapping[str, np.ndarray]

    def predict(self, name: str, height: int, width: int) -> np.ndarray:
        """Return a target's map for an image of a size, by nearest-neighbour sampling."""
        return _sample(self.maps[name], (height, width))


def fit_image_blind(
    truths: Truths,
    targets: Iterable[Target],
    grid: tuple[int, int] = (128, 256),
    ignore_label: int | None = None,
    progress: bool = True,
) -> ImageBlindPredictor:
    """Find the most probable value of each target at each position of the image.

    It is the most frequent class (or 0 and 1 of a mask; ties go to the lowest), the median of
    numbers and of the components of offsets, and the mean direction. Targets of any size are
    sampled at one grid (nearest pixel to each cell's centre). A position without truth gets the
    most frequent class, the mean direction, or the median of the medians of all positions.

    Args:
        truths: the training set's maps.
        targets: what to predict; one without any truth is left out.
        grid: largest number of rows and columns; a smaller first map makes it smaller. An exact
            median needs 4 bytes per cell and image: 131 kB per image at 128 x 256.
        ignore_label: class id of pixels without truth; default: that of the target.
        progress: show a progress bar.

    Raises:
        DataError: the data set has none of the targets.
        ValueError: a class id outside 0..C-1.

    >>> from mtl_plugins.targets import DEPTH
    >>> predictor = fit_image_blind([dict(depth=np.array([[2.0, 0.0]]))], [DEPTH], progress=False)
    >>> predictor.predict("depth", 1, 2).tolist()
    [[2.0, 2.0]]
    """
    targets = [*targets]
    fits: dict[str, _Fit] = {}
    for maps in track(truths, "image-blind predictor") if progress else truths:
        for target in targets:
            if target.name not in maps:
                continue
            values = maps[target.name]
            if target.name not in fits:
                height, width = values.shape[:2]
                size = min(grid[0], height), min(grid[1], width)
                fits[target.name] = FITS[target.type](target, size, ignore_label)
            fit = fits[target.name]
            fit.add(_sample(values, fit.size))
    if not fits:
        raise DataError(
            f"The data set holds none of {[target.name for target in targets]}, and nothing else "
            "is predicted without looking at the image. Load them, or leave image_blind out."
        )
    found = {name: fit.result() for name, fit in fits.items()}
    return ImageBlindPredictor({k: values for k, values in found.items() if values is not None})


def evaluate_image_blind(
    predictor: ImageBlindPredictor,
    truths: Truths,
    targets: Iterable[Target],
    metric: MultiTaskMetric | None = None,
    progress: bool = True,
) -> dict[str, float]:
    """Score an image-blind predictor as a metric scores a network.

    Args:
        predictor: from `fit_image_blind`.
        truths: the validation set's maps.
        targets: what to measure, where the predictor has it.
        metric: its options are used; default: those of `MultiTaskMetric`.
        progress: show a progress bar.
    """
    metric = metric or MultiTaskMetric()
    targets = [target for target in targets if target.name in predictor.maps]
    total = Tally()
    for maps in track(truths, "image-blind scores") if progress else truths:
        pairs = {}
        for target in targets:
            truth = maps.get(target.name)
            if truth is not None:
                guess = predictor.predict(target.name, *truth.shape[:2])
                pairs[target] = (_as_tensor(guess), _as_tensor(truth))
        total.add(metric.measure_maps(pairs))
    return metric.scores(total)


def image_blind_scores(
    train: BaseDataset, val: BaseDataset, metric: MultiTaskMetric
) -> dict[str, float]:
    """Fit an image-blind predictor on one data set; score it on another by a metric's options."""
    targets = targets_in(train.metainfo).values()
    predictor = fit_image_blind(TargetReader(train), targets, ignore_label=metric.ignore_label)
    return evaluate_image_blind(predictor, TargetReader(val), targets, metric)


def configured_metric(metrics: Iterable[BaseMetric]) -> MultiTaskMetric:
    """Return the `MultiTaskMetric` of an evaluator's metrics, or one with default options."""
    for metric in metrics:
        if isinstance(metric, MultiTaskMetric) and not isinstance(metric, NormalsMetric):
            return metric
    return MultiTaskMetric()


class _Fit(ABC):
    """The most probable value at each cell of a grid."""

    def __init__(self, target: Target, size: tuple[int, int], ignore_label: int | None) -> None:
        self.target = target
        self.size = size

    @abstractmethod
    def add(self, values: np.ndarray) -> None:
        """Count a map of the size of the grid."""

    @abstractmethod
    def result(self) -> np.ndarray | None:
        """Return the map; None where no cell has any truth."""


class _Votes(_Fit):
    """The most frequent class."""

    def __init__(self, target: Target, size: tuple[int, int], ignore_label: int | None) -> None:
        super().__init__(target, size, ignore_label)
        self.ignored = target.invalid if ignore_label is None else ignore_label
        self.votes = np.zeros((target.num_classes, *size), np.int32)

    def add(self, values: np.ndarray) -> None:
        rows, columns = np.nonzero(values != self.ignored)
        ids = values[rows, columns].astype(int)
        if ids.size and (ids.min() < 0 or ids.max() >= len(self.votes)):
            raise ValueError(
                f"A map of {self.target.name!r} holds class ids {ids.min()}..{ids.max()}: expected "
                f"0..{len(self.votes) - 1}, or {self.ignored} for pixels without a class."
            )
        # Each position occurs once, so the indexed sum counts all of them.
        self.votes[ids, rows, columns] += 1

    def result(self) -> np.ndarray | None:
        overall = self.votes.sum((1, 2)).argmax()
        return np.where(self.votes.any(0), self.votes.argmax(0), overall)


class _Medians(_Fit):
    """The median of each component."""

    def __init__(self, target: Target, size: tuple[int, int], ignore_label: int | None) -> None:
        super().__init__(target, size, ignore_label)
        self.images: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        known = self.target.known(values).reshape(*self.size, 1)
        cells = values.astype(np.float32).reshape(*self.size, -1)
        self.images.append(np.where(known, cells, np.float32(np.nan)))

    def result(self) -> np.ndarray | None:
        medians = np.empty_like(self.images[0])
        for row in track(range(len(medians)), f"image-blind predictor, median {self.target.name}"):
            # Row by row, because a sorted copy of all would double the memory. nan sorts to the
            # end.
            ordered = np.sort(np.stack([image[row] for image in self.images]), axis=0)
            count = np.isfinite(ordered).sum(0)
            places = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(ordered) - 1)
            lower, upper = (np.take_along_axis(ordered, each[None], 0)[0] for each in places)
            medians[row] = (lower + upper) / 2
        known = np.isfinite(medians).all(-1)
        if not known.any():
            return None
        found = np.where(known[..., None], medians, np.median(medians[known], axis=0))
        return found if self.target.vector else found[..., 0]


class _Means(_Fit):
    """The mean direction."""

    def __init__(self, target: Target, size: tuple[int, int], ignore_label: int | None) -> None:
        super().__init__(target, size, ignore_label)
        self.sums = np.zeros((*size, target.channels))

    def add(self, values: np.ndarray) -> None:
        self.sums += values * self.target.known(values)[..., None]

    def result(self) -> np.ndarray | None:
        known = self.sums.any(-1, keepdims=True)
        means = np.where(known, self.sums, self.sums.sum((0, 1)))
        length = np.linalg.norm(means, axis=-1, keepdims=True)
        return (means / np.where(length, length, 1)).astype(np.float32) if known.any() else None


FITS: dict[str, type[_Fit]] = dict(
    classes=_Votes, binary=_Votes, scalar=_Medians, direction=_Means, offset=_Medians
)
"""The image-blind predictor of each type of target."""


def _as_tensor(values: np.ndarray) -> Tensor:
    """Convert a map to the layout of samples: H,W or H,W,C to C,H,W."""
    found = torch.from_numpy(values)
    return found[None] if found.ndim == 2 else found.movedim(2, 0)


def _sample(target: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the nearest pixel to the centre of each cell of a grid."""
    rows, columns = (
        ((np.arange(cells) + 0.5) * pixels / cells).astype(int)
        for cells, pixels in zip(size, target.shape, strict=False)
    )
    return target[rows[:, None], columns]
