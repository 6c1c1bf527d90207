"""Known data sets, one file each."""

from .cityscapes import CityscapesDepthFormat, CityscapesMultiTask
from .kitti import KittiMultiTask
from .nyuv2 import NYUv2MultiTask, convert_nyuv2
from .shift import ShiftMultiTask
from .street_scenes_dataset import StreetScenesDataset
from .synscapes import SynscapesMultiTask
from .vkitti2 import VirtualKitti2MultiTask

__all__ = [
    "CityscapesDepthFormat",
    "CityscapesMultiTask",
    "KittiMultiTask",
    "NYUv2MultiTask",
    "ShiftMultiTask",
    "StreetScenesDataset",
    "SynscapesMultiTask",
    "VirtualKitti2MultiTask",
    "convert_nyuv2",
]
