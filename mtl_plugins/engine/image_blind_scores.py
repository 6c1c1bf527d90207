"""The image-blind predictor of a config's data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric

from ..datasets import LoadImage, LoadTargets
from ..evaluation import MultiTaskMetric, evaluate_image_blind, fit_image_blind
from ..targets import DEPTH, SEMSEG


def image_blind_scores(
    train: BaseDataset, val: BaseDataset, metric: MultiTaskMetric
) -> dict[str, float]:
    """Fit the best predictor that never looks at the image on one data set, and score another.

    Each position's most frequent class and median depth, measured with the options of `metric`;
    a network that is not clearly better has learned nothing from the pictures.
    """
    num_classes = len(train.metainfo.get("classes", ()))
    depth_options: dict[str, Any] = metric.depth_options
    predictor = fit_image_blind(TargetReader(train), num_classes, ignore_label=metric.ignore_label)
    return evaluate_image_blind(
        predictor,
        TargetReader(val),
        num_classes,
        ignore_label=metric.ignore_label,
        absent=metric.absent,
        **depth_options,
    )


def configured_metric(metrics: Iterable[BaseMetric]) -> MultiTaskMetric:
    """Return the `MultiTaskMetric` among an evaluator's metrics, or one with default options."""
    found = (metric for metric in metrics if isinstance(metric, MultiTaskMetric))
    return next(found, None) or MultiTaskMetric()


class TargetReader:
    """The targets of a data set without augmentation, one pair an image.

    They have their original size, unless the pipeline has transforms of the protocol
    (`of_protocol`), which also say what counts as truth.
    """

    def __init__(self, dataset: BaseDataset) -> None:
        self.dataset = dataset
        self.load = Compose([LoadImage(), LoadTargets()])

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[tuple[np.ndarray | None, np.ndarray | None]]:
        for index in range(len(self.dataset)):
            sample = self.load(self.dataset.get_data_info(index))
            for transform in sample["dataset"].pipeline.transforms:
                if getattr(transform, "of_protocol", False):
                    sample = transform(sample)
            yield sample.get(SEMSEG.array), sample.get(DEPTH.array)
