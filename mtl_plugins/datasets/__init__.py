"""Data sets and transforms."""

from .cityscapes import CityscapesDepthFormat, CityscapesMultiTask
from .dense_dataset import DenseDataset
from .depth_format import DepthFormat
from .folder_dataset import MultiTaskDataset
from .kitti import KittiMultiTask
from .label_format import LabelFormat
from .normal_format import NormalFormat
from .packed import PackedDataset, pack_dataset
from .seeded_sampler import SeededSampler
from .street_scenes_dataset import StreetScenesDataset
from .transforms import DecodeTargets, FlipTargets, LoadImage, LoadTargets, PackTargets
from .vkitti2 import VirtualKitti2MultiTask

__all__ = [
    "CityscapesDepthFormat",
    "CityscapesMultiTask",
    "DecodeTargets",
    "DenseDataset",
    "DepthFormat",
    "FlipTargets",
    "KittiMultiTask",
    "LabelFormat",
    "LoadImage",
    "LoadTargets",
    "MultiTaskDataset",
    "NormalFormat",
    "PackTargets",
    "PackedDataset",
    "SeededSampler",
    "StreetScenesDataset",
    "VirtualKitti2MultiTask",
    "pack_dataset",
]
