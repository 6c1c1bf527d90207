"""The targets of a data set, image by image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset

from ..targets import DEPTH, SEMSEG
from .transforms import LoadImage, LoadTargets


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
