"""What is kept of the images measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ...targets import IGNORE_LABEL
from ..functional.depth import DEPTH_METRICS, measured_pixels, pixel_errors
from ..functional.depth_by_distance import distance_sums
from ..functional.semseg import AbsentClass, confusion_matrix, semseg_scores
from .score import multitask_score

Pair = tuple[Tensor, Tensor]


@dataclass
class Tally:
    """Sums from which every metric of a data set follows; tallies of parts add up.

    Its size depends on the number of classes alone. Build one of an image by `tally_image`.

    Args:
        images: images seen.
        confusion: C,C int64 on the CPU, None as long as no segmentation was measured.
        depth_sums: sum over images of each metric of `DEPTH_METRICS`.
        depth_images: images in those sums.
        images_without_depth: images whose depth target has no valid pixel, left out of them.
        distance_sums: of all valid pixels, see `distance_sums`; None as long as there is none.
    """

    images: int = 0
    confusion: Tensor | None = None
    depth_sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(DEPTH_METRICS, 0.0))
    depth_images: int = 0
    images_without_depth: int = 0
    distance_sums: Tensor | None = None

    def add(self, other: Tally) -> None:
        """Take in the images of another tally."""
        self.images += other.images
        if other.confusion is not None:
            known = 0 if self.confusion is None else self.confusion
            self.confusion = known + other.confusion
        if other.distance_sums is not None:
            known = 0 if self.distance_sums is None else self.distance_sums
            self.distance_sums = known + other.distance_sums
        for name, value in other.depth_sums.items():
            self.depth_sums[name] += value
        self.depth_images += other.depth_images
        self.images_without_depth += other.images_without_depth

    def scores(self, absent: AbsentClass = "skip") -> dict[str, float]:
        """The metrics of the tasks that were measured.

        Args:
            absent: see `semseg_scores`.

        Returns:
            `semseg/mIoU`, `semseg/aAcc`, `semseg/mAcc` (percent); `depth/<name>` for
            `DEPTH_METRICS`, means over the images with valid depth (nan if there is none);
            `depth/images_without_depth` if there are any; `multitask/score` if both tasks were
            measured. Empty where no task was.
        """
        scores: dict[str, float] = {}
        if self.confusion is not None:
            for name, value in semseg_scores(self.confusion, absent).items():
                scores[f"semseg/{name}"] = value
        if self.depth_images or self.images_without_depth:
            for name, total in self.depth_sums.items():
                mean = total / self.depth_images if self.depth_images else float("nan")
                scores[f"depth/{name}"] = mean
        if self.images_without_depth:
            scores["depth/images_without_depth"] = float(self.images_without_depth)
        if "semseg/mIoU" in scores and "depth/si_log_rmse" in scores:
            scores["multitask/score"] = multitask_score(
                scores["semseg/mIoU"], scores["depth/si_log_rmse"]
            )
        return scores


def tally_image(
    semseg: Pair | None,
    depth: Pair | None,
    num_classes: int,
    ignore_label: int = IGNORE_LABEL,
    depth_options: Mapping[str, float | None] | None = None,
) -> Tally:
    """Measure one image.

    Args:
        semseg: predicted and true class ids of one shape, None where the task is not measured.
        depth: predicted and true depth of one shape, None where the task is not measured.
        num_classes: number of classes, of no effect without `semseg`.
        ignore_label: class id of pixels without truth.
        depth_options: keyword arguments of `depth_errors`.

    Raises:
        ValueError: see `confusion_matrix` and `depth_errors`.
    """
    tally = Tally(images=1)
    if semseg is not None:
        tally.confusion = confusion_matrix(*semseg, num_classes, ignore_label).cpu()
    if depth is not None:
        options: dict[str, Any] = dict(depth_options or {})
        limits = {key: options.pop(key) for key in ("min_depth", "max_depth") if key in options}
        pixels = measured_pixels(*depth, **limits)
        errors = pixel_errors(*pixels, **options)
        if errors is None:
            tally.images_without_depth = 1
        else:
            tally.depth_sums, tally.depth_images = errors, 1
            tally.distance_sums = distance_sums(*pixels)
    return tally
