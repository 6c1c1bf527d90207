"""Known data sets, one file each."""

from .cityscapes import CityscapesDepthFormat, CityscapesMultiTask
from .kitti import KittiMultiTask
from .nyud import NYUDMultiTask
from .nyuv2 import NYUv2MultiTask, convert_nyuv2
from .pascal_context import PascalContextMultiTask
from .shift import ShiftMultiTask
from .street_scenes_dataset import StreetScenesDataset
from .synscapes import SynscapesMultiTask
from .vkitti2 import VirtualKitti2MultiTask

__all__ = [
    "CityscapesDepthFormat",
    "CityscapesMultiTask",
    "KittiMultiTask",
    "NYUDMultiTask",
    "NYUv2MultiTask",
    "PascalContextMultiTask",
    "ShiftMultiTask",
    "StreetScenesDataset",
    "SynscapesMultiTask",
    "VirtualKitti2MultiTask",
    "convert_nyuv2",
]
