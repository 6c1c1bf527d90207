"""Predictors that ignore the image: a network must score clearly better than they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric

from ..datasets import TargetReader
from ..errors import DataError
from ..targets import IGNORE_LABEL, NO_DEPTH
from ..utils import track
from .multi_task_metric import MultiTaskMetric, Pair, Tally, tally_image
from .semseg import AbsentClass

Targets = Iterable[tuple[np.ndarray | None, np.ndarray | None]]
"""H,W integer class ids and H,W depth in metres of each image, None where missing."""


@dataclass(frozen=True)
class ImageBlindPredictor:
    """The same prediction for every image; built by `fit_image_blind`.

    Args:
        labels: gh,gw class ids, None without labels.
        depth: gh,gw float32 metres, None without valid depth.
    """

    labels: np.ndarray | None
    depth: np.ndarray | None

    def predict(self, height: int, width: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return labels and depth for an image of a size, by nearest-neighbour sampling."""
        maps = (self.labels, self.depth)
        labels, depth = (None if m is None else _sample(m, (height, width)) for m in maps)
        return labels, depth


def fit_image_blind(
    dataset: Targets,
    num_classes: int,
    grid: tuple[int, int] = (128, 256),
    ignore_label: int = IGNORE_LABEL,
    progress: bool = True,
) -> ImageBlindPredictor:
    """Find the most frequent class and the median depth at each position of the image.

    Targets of any size are sampled at one grid (nearest pixel to each cell's centre). A position
    without labels gets the most frequent class of all positions, one without valid depth the
    median of all positions' medians. Ties between classes go to the lowest id.

    Args:
        dataset: the training set's targets.
        num_classes: number of classes C.
        grid: largest number of rows and columns; a smaller first target makes it smaller. The
            exact median needs 4 bytes per cell and image: 131 kB per image at 128 x 256.
        ignore_label: class id of pixels without truth.
        progress: show a progress bar.

    Raises:
        DataError: the data set has neither labels nor depth.
        ValueError: a class id outside 0..C-1.

    >>> labels, depth = np.array([[0, 1]], np.uint8), np.array([[2.0, 0.0]], np.float32)
    >>> fit_image_blind([(labels, depth)], num_classes=2, progress=False).predict(1, 2)
    (array([[0, 1]]), array([[2., 2.]], dtype=float32))
    """
    votes: np.ndarray | None = None
    depths: list[np.ndarray] = []
    size: tuple[int, int] | None = None
    for labels, depth in track(dataset, "image-blind predictor") if progress else dataset:
        first = labels if labels is not None else depth
        if first is None:
            continue
        if size is None:
            size = (min(grid[0], first.shape[0]), min(grid[1], first.shape[1]))
        if labels is not None:
            if votes is None:
                votes = np.zeros((num_classes, *size), np.int32)
            _vote(votes, _sample(labels, size), ignore_label)
        if depth is not None:
            cells = _sample(depth, size).astype(np.float32)
            valid = np.isfinite(cells) & (cells > NO_DEPTH)
            depths.append(np.where(valid, cells, np.float32(np.nan)))
    if size is None:
        raise DataError(
            "The data set holds neither labels nor depth, and nothing else is predicted without "
            "looking at the image. Load them (data_prefix), or leave image_blind out."
        )
    return ImageBlindPredictor(_winners(votes), _medians(depths))


def evaluate_image_blind(
    predictor: ImageBlindPredictor,
    dataset: Targets,
    num_classes: int,
    ignore_label: int = IGNORE_LABEL,
    absent: AbsentClass = "skip",
    progress: bool = True,
    **depth_options: float | None,
) -> dict[str, float]:
    """Score an image-blind predictor as `MultiTaskMetric` scores a network.

    Args:
        predictor: from `fit_image_blind`.
        dataset: the validation set's targets.
        num_classes, ignore_label, progress: as in `fit_image_blind`.
        absent: see `semseg_scores`.
        **depth_options: keyword arguments of `depth_errors`.

    Returns:
        The metrics of `Tally.scores` for the tasks of both predictor and data set.
    """
    total = Tally()
    for truths in track(dataset, "image-blind scores") if progress else dataset:
        pairs: list[Pair | None] = []
        for kind, truth in enumerate(truths):
            guess = None if truth is None else predictor.predict(*truth.shape)[kind]
            known = truth is not None and guess is not None
            pairs.append((torch.from_numpy(guess), torch.from_numpy(truth)) if known else None)
        semseg, depth = pairs
        total.add(tally_image(semseg, depth, num_classes, ignore_label, depth_options))
    return total.scores(absent)


def image_blind_scores(
    train: BaseDataset, val: BaseDataset, metric: MultiTaskMetric
) -> dict[str, float]:
    """Fit an image-blind predictor on one data set; score it on another by a metric's options."""
    num_classes, ignored = len(train.metainfo.get("classes", ())), metric.ignore_label
    options: dict[str, Any] = dict(metric.depth_options, absent=metric.absent, ignore_label=ignored)
    truths = [_Pairs(TargetReader(dataset)) for dataset in (train, val)]
    predictor = fit_image_blind(truths[0], num_classes, ignore_label=ignored)
    return evaluate_image_blind(predictor, truths[1], num_classes, **options)


@dataclass
class _Pairs:
    """Labels and depth of a reader's samples."""

    reader: TargetReader

    def __len__(self) -> int:
        return len(self.reader)

    def __iter__(self) -> Iterator[tuple[np.ndarray | None, np.ndarray | None]]:
        for maps in self.reader:
            yield maps.get("semseg"), maps.get("depth")


def configured_metric(metrics: Iterable[BaseMetric]) -> MultiTaskMetric:
    """Return the `MultiTaskMetric` of an evaluator's metrics, or one with default options."""
    found = (metric for metric in metrics if isinstance(metric, MultiTaskMetric))
    return next(found, None) or MultiTaskMetric()


def _sample(target: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the nearest pixel to the centre of each cell of a grid."""
    rows, columns = (
        ((np.arange(cells) + 0.5) * pixels / cells).astype(int)
        for cells, pixels in zip(size, target.shape, strict=True)
    )
    return target[rows[:, None], columns]


def _vote(votes: np.ndarray, labels: np.ndarray, ignore_label: int) -> None:
    rows, columns = np.nonzero(labels != ignore_label)
    ids = labels[rows, columns].astype(int)
    if ids.size and (ids.min() < 0 or ids.max() >= len(votes)):
        raise ValueError(
            f"A label map holds class ids {ids.min()}..{ids.max()}: expected "
            f"0..{len(votes) - 1}, or {ignore_label} for pixels without a class."
        )
    # Each position occurs once, so the indexed sum counts all of them.
    votes[ids, rows, columns] += 1


def _winners(votes: np.ndarray | None) -> np.ndarray | None:
    if votes is None:
        return None
    overall = votes.sum((1, 2)).argmax()
    return np.where(votes.any(0), votes.argmax(0), overall)


def _medians(depths: list[np.ndarray]) -> np.ndarray | None:
    if not depths:
        return None
    medians = np.empty_like(depths[0])
    for row in track(range(len(medians)), "image-blind predictor, median depth"):
        # Row by row, because a sorted copy of all would double the memory. nan sorts to the end.
        ordered = np.sort(np.stack([depth[row] for depth in depths]), axis=0)
        count = np.isfinite(ordered).sum(0)
        columns = np.arange(ordered.shape[1])
        lower = ordered[np.maximum(count - 1, 0) // 2, columns]
        upper = ordered[np.minimum(count // 2, len(ordered) - 1), columns]
        medians[row] = (lower + upper) / 2
    known = np.isfinite(medians)
    return np.where(known, medians, np.median(medians[known])) if known.any() else None
