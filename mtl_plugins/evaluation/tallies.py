"""Sums over images from which the metrics of a target are computed: one class for each type."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import DataError
from ..targets import Target
from .depth import (
    DEPTH_METRICS,
    distance_sums,
    measured_pixels,
    pixel_errors,
    pooled_errors,
    pooled_sums,
)
from .normals import WITHIN, angle_histogram, as_stored, histogram_median, normal_angles
from .semseg import confusion_matrix, semseg_scores
from .streaming_metric import Sums

Options = Mapping[str, Any]
"""Arguments of `MultiTaskMetric` for one target."""

NAN = float("nan")
SI = ("si_lambda", "si_scale")
WITHIN_PIXELS = (1, 3)
"""Thresholds in pixels of the shares of offsets."""


@dataclass
class TargetSums(Sums):
    """Sums over the images of one target.

    Args:
        without: number of images without a valid pixel, where they are counted.
    """

    without: int = 0

    @classmethod
    @abstractmethod
    def of(cls, guess: Tensor, truth: Tensor, target: Target, options: Options) -> TargetSums:
        """Measure one image, whose maps are C,H,W.

        Raises:
            ValueError: the maps do not fit each other or the target.
        """

    @abstractmethod
    def scores(self, options: Options) -> dict[str, float]:
        """Return the metrics by name; nan where nothing was measured."""


@dataclass
class ClassSums(TargetSums):
    """Sum the confusions of classes.

    Args:
        confusion: C,C int64 on the CPU, rows are the truth.
        means: with `average='images'`, the number of images with truth and the sums of their
            scores, float64.
    """

    confusion: Tensor | None = None
    means: Tensor | None = None

    @classmethod
    def of(cls, guess: Tensor, truth: Tensor, target: Target, options: Options) -> TargetSums:
        if not target.num_classes:
            raise DataError(
                f"The target {target.name!r} has no 'classes': expected their names. Declare them "
                "in the targets or METAINFO of the data set, or set dataset_meta of the metric."
            )
        given = options.get("ignore_label")
        ignored = int(target.invalid) if given is None else given
        confusion = confusion_matrix(guess, truth, target.num_classes, ignored).cpu()
        found = cls(images=1, confusion=confusion)
        if options.get("average") == "images" and confusion.any():
            found.means = torch.tensor([1, *found._pooled(options).values()], dtype=torch.float64)
        return found

    def scores(self, options: Options) -> dict[str, float]:
        scores = self._pooled(options)
        if self.means is None:
            return scores
        return dict(zip(scores, (self.means[1:] / self.means[0]).tolist(), strict=True))

    def _pooled(self, options: Options) -> dict[str, float]:
        """Return the metrics of the pixels of all images."""
        assert self.confusion is not None
        return semseg_scores(self.confusion, **_given(("absent", "left_out"), options))


class BinarySums(ClassSums):
    """Sum the confusions of a mask; pixels of all images have the same weight.

    IoU and F1 are nan where no pixel is 1 in truth or prediction, precision where none is
    predicted, recall where none is true.
    """

    def _pooled(self, options: Options) -> dict[str, float]:
        assert self.confusion is not None
        negative, false, missed, hits = self.confusion.flatten().double()
        shares = dict(
            f1=2 * hits / (2 * hits + false + missed),
            iou=hits / (hits + false + missed),
            precision=hits / (hits + false),
            recall=hits / (hits + missed),
            accuracy=(hits + negative) / (hits + negative + false + missed),
        )
        return {name: 100 * float(share) for name, share in shares.items()}


@dataclass
class DistanceSums(TargetSums):
    """Sum the errors of images, which have the same weight, and of pixels by distance.

    Args:
        errors: sums over images of the metrics of `DEPTH_METRICS`, or with `average='pixels'` the
            sums over pixels of `pooled_sums`; float64.
        by_distance: sums over all valid pixels, see `distance_sums`.
    """

    errors: Tensor | None = None
    by_distance: Tensor | None = None

    @classmethod
    def of(cls, guess: Tensor, truth: Tensor, target: Target, options: Options) -> TargetSums:
        limits = ("min_depth", "max_depth", "depth_range", "align", "nonfinite")
        pixels = measured_pixels(guess, truth, **_given(limits, options))
        if not len(pixels[0]):
            return cls(images=1, without=1)
        if options.get("average") == "pixels":
            values = pooled_sums(*pixels)
        else:
            errors = pixel_errors(*pixels, **_given(SI, options))
            values = torch.tensor([*(errors or {}).values()], dtype=torch.float64)
        return cls(images=1, errors=values, by_distance=distance_sums(*pixels))

    def scores(self, options: Options) -> dict[str, float]:
        if self.errors is None:
            return dict.fromkeys(DEPTH_METRICS, NAN)
        if options.get("average") == "pixels":
            return pooled_errors(self.errors, **_given(SI, options))
        count = self.images - self.without
        sums = zip(DEPTH_METRICS, self.errors.tolist(), strict=True)
        return {name: total / count for name, total in sums}


@dataclass
class PixelSums(TargetSums):
    """Sum errors over pixels, which have the same weight.

    Args:
        sums: the number of pixels and the sums of their errors, float64.
    """

    sums: Tensor | None = None
    names: ClassVar[tuple[str, ...]]

    @classmethod
    def of(cls, guess: Tensor, truth: Tensor, target: Target, options: Options) -> TargetSums:
        errors = cls.errors(*_known_pixels(guess, truth, target))
        count = errors.shape[1]
        sums = torch.cat([errors.new_tensor([count]), errors.sum(1)]).cpu()
        return cls(images=1, without=int(not count), sums=sums)

    @staticmethod
    @abstractmethod
    def errors(guess: Tensor, truth: Tensor) -> Tensor:
        """Return the errors of N pixels: C,N -> errors,N float64."""

    def scores(self, options: Options) -> dict[str, float]:
        assert self.sums is not None
        return dict(zip(self.names, (self.sums[1:] / self.sums[0]).tolist(), strict=True))


class ScalarSums(PixelSums):
    """Sum the errors of numbers; `bias` is the mean of prediction minus truth."""

    names = ("mae", "rmse", "bias")

    @staticmethod
    def errors(guess: Tensor, truth: Tensor) -> Tensor:
        error = (guess - truth)[0]
        return torch.stack([error.abs(), error.square(), error])

    def scores(self, options: Options) -> dict[str, float]:
        scores = super().scores(options)
        return {**scores, "rmse": math.sqrt(scores["rmse"])}


class OffsetSums(PixelSums):
    """Sum the distances in pixels between the ends of vectors."""

    names = ("epe", *(f"within_{limit}px" for limit in WITHIN_PIXELS))

    @staticmethod
    def errors(guess: Tensor, truth: Tensor) -> Tensor:
        distance = (guess - truth).square().sum(0).sqrt()
        within = [100 * (distance < limit).double() for limit in WITHIN_PIXELS]
        return torch.stack([distance, *within])


@dataclass
class AngleSums(TargetSums):
    """Sum the angles of directions over pixels, which have the same weight.

    Args:
        total, squares: sums of the angles and of their squares, degrees.
        within: number of pixels below each angle of `WITHIN`.
        histogram: number of pixels in each bin of 0.01 degrees.
    """

    total: float = 0.0
    squares: float = 0.0
    within: Tensor = field(default_factory=lambda: torch.zeros(len(WITHIN), dtype=torch.long))
    histogram: Tensor = field(default_factory=lambda: angle_histogram(torch.zeros(0)))

    @classmethod
    def of(cls, guess: Tensor, truth: Tensor, target: Target, options: Options) -> TargetSums:
        guess = as_stored(guess) if options.get("stored") else guess
        angles = normal_angles(guess, truth).cpu()
        return cls(
            images=1,
            without=int(angles.numel() == 0),
            total=float(angles.sum()),
            squares=float(angles.square().sum()),
            within=torch.stack([(angles < degrees).sum() for degrees in WITHIN]),
            histogram=angle_histogram(angles),
        )

    def scores(self, options: Options) -> dict[str, float]:
        pixels = int(self.histogram.sum()) or NAN
        scores = dict(mean_angle=self.total / pixels, median_angle=histogram_median(self.histogram))
        shares = zip(WITHIN, self.within.tolist(), strict=True)
        scores |= {f"within_{degrees:g}": 100 * n / pixels for degrees, n in shares}
        return scores | {"rmse_angle": math.sqrt(self.squares / pixels)}


TALLIES: dict[str, type[TargetSums]] = dict(
    classes=ClassSums,
    binary=BinarySums,
    distance=DistanceSums,
    scalar=ScalarSums,
    direction=AngleSums,
    offset=OffsetSums,
)
"""Form of a target -> its sums."""


def _given(names: Sequence[str], options: Options) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def sums_of(target: Target) -> type[TargetSums]:
    """Return the class of the sums of a target."""
    return TALLIES[target.form]


def _known_pixels(guess: Tensor, truth: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Select the pixels with truth: two maps C,H,W -> C,N float64 each."""
    if guess.shape != truth.shape or len(truth) != target.channels:
        raise ValueError(
            f"The prediction of {target.name!r} has shape {tuple(guess.shape)}, the truth "
            f"{tuple(truth.shape)}: expected {target.channels},H,W of both. Predict at the size "
            "of the truth."
        )
    truth = truth.to(guess.device)
    # Indexing by a mask would search for its pixels each time.
    pixels = target.known_pixels(truth).flatten().nonzero()[:, 0]
    guess, truth = (maps.flatten(1).index_select(1, pixels).double() for maps in (guess, truth))
    if broken := int((~torch.isfinite(guess)).any(0).sum()):
        raise ValueError(
            f"The prediction of {target.name!r} is nan or infinite at {broken} of {len(pixels)} "
            "pixels: expected finite numbers. The training has diverged: lower the learning rate."
        )
    return guess, truth
