"""NYU Depth v2: 1449 labelled indoor scenes of a Kinect."""

from __future__ import annotations

from typing import Any

from mmseg.registry import DATASETS

from ...errors import ConfigError
from ...targets import IGNORE_LABEL
from ..multi_task_dataset import MultiTaskDataset

NAMES_40 = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
    "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror",
    "floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel",
    "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp",
    "bathtub", "bag", "other structure", "other furniture", "other prop",
)  # fmt: skip
"""Classes 1 to 40 of Gupta et al. 2013 (https://doi.org/10.1109/CVPR.2013.79)."""

NAMES_13 = (
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa",
    "table", "tv", "wall", "window",
)  # fmt: skip
"""Classes 1 to 13 of Couprie et al. 2013 (https://arxiv.org/abs/1301.3572)."""

TO_13 = (
    12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5, 7, 3, 2, 6, 11, 7, 7, 7, 7,
    7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7,
)  # fmt: skip
"""The one of 13 classes that each of the 40 belongs to (class13Mapping.mat of https://github.com/
ankurhanda/nyuv2-meta-data)."""

MILLIMETRE = 0.001


@DATASETS.register_module()
class NYUv2MultiTask(MultiTaskDataset):
    """NYUv2's labelled part: 640x480 images, 40 or 13 classes, depth in 16-bit millimetres.

    It is read from the folders that `tools/convert_nyuv2.py` writes. Unlabelled pixels (0) have no
    class. Source: https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html

    Args:
        split: "train" (795 images) or "test" (654), which papers also validate on.
        num_classes: 40, or 13.
        kwargs: as in `MultiTaskDataset`.

    Raises:
        ConfigError: another split or number of classes.
        DataError: as in `MultiTaskDataset`.
    """

    def __init__(self, split: str = "train", num_classes: int = 40, **kwargs: Any) -> None:
        if split not in ("train", "test") or num_classes not in (40, 13):
            raise ConfigError(
                f"NYUv2MultiTask(split={split!r}, num_classes={num_classes}); expected 'train' or "
                "'test', and 40 or 13."
            )
        classes = range(1, 41) if num_classes == 40 else TO_13
        defaults = dict(
            data_prefix=dict(
                img_path=f"rgb/{split}",
                seg_map_path=f"label40/{split}",
                depth_map_path=f"depth/{split}",
            ),
            img_suffix=".png",
            seg_map_suffix=".png",
            label_map={0: IGNORE_LABEL, **{i: to - 1 for i, to in enumerate(classes, start=1)}},
            depth_format=dict(scale=MILLIMETRE),
            metainfo=dict(classes=NAMES_40 if num_classes == 40 else NAMES_13),
        )
        super().__init__(**{**defaults, **kwargs})
