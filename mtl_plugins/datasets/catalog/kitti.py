"""KITTI depth: drives with sparse depth from a laser scanner."""

import os
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from ...errors import DataError
from ...targets import DEPTH, Target
from ..multi_task_dataset import MultiTaskDataset

REACH = 120.0
"""Metres that the laser scanner reaches."""


@DATASETS.register_module()
class KittiMultiTask(MultiTaskDataset):
    """KITTI's depth set: raw images and sparse depth, uint16 / 256 metres, 0: not measured.

    The laser scanner (Velodyne HDL-64E) reaches 120 m (https://doi.org/10.1177/0278364913491297,
    section 2); farther depth counts as not measured.

    The samples are the images that have a depth file (the first and last images of a drive have
    none). Without `depth_map_path` they are all images below `img_path`.
    Source: https://www.cvlibs.net/datasets/kitti/eval_depth_all.php

    Args:
        split: "train" or "val": the folder of the depth files, unless `data_prefix` is given.
        camera: "image_02" (left) or "image_03" (right).

    Raises:
        DataError: there is no depth file, or an image is missing.
    """

    WHOLE_FOLDERS: ClassVar[bool] = False

    def __init__(self, split: str = "train", camera: str = "image_02", **kwargs: Any) -> None:
        self.camera = camera
        defaults = dict(
            data_prefix=dict(img_path="raw", depth_map_path=f"depth/{split}"),
            img_suffix=".png",
            depth_format=dict(scale=1 / 256, max_depth=REACH),
        )
        super().__init__(**{**defaults, **kwargs})

    def _names_in(self, folder: str) -> list[str]:
        depth = self.data_prefix.get("depth_map_path")
        if not depth:
            return [n for n in super()._names_in(folder) if f"/{self.camera}/" in n]
        inside = os.path.join("proj_depth", "groundtruth", self.camera)
        names = []
        for name in self._files(depth, self._suffixes(DEPTH)):
            drive, _, frame = name.partition(os.sep)
            if os.path.dirname(frame) == inside:
                day, number = drive[:10], os.path.basename(frame)
                names.append(os.path.join(day, drive, self.camera, "data", number))
        if not names:
            raise DataError(
                f"{depth} has no <drive>/{inside}/*{self._suffix(DEPTH)}. Set data_root (now "
                f"{self.data_root!r}) or data_prefix.depth_map_path to where the depth is."
            )
        return names

    def target_path(self, name: str, target: Target) -> str:
        """Return the depth file of the image <day>/<drive>/<camera>/data/<number>."""
        parts = name.split(os.sep)
        if len(parts) != 5:
            raise DataError(
                f"{name} is no image of KITTI; expected <day>/<drive>/<camera>/data/<number>. "
                "Correct its line in ann_file."
            )
        _, drive, camera, _, number = parts
        path = os.path.join(drive, "proj_depth", "groundtruth", camera, number)
        return os.path.join(self.data_prefix[target.path], path + self._suffix(target))
