"""Data sets and transforms."""

from .cityscapes import CityscapesDepthFormat, CityscapesMultiTask
from .dense_dataset import DenseDataset
from .depth_format import DepthFormat
from .folder_dataset import MultiTaskDataset
from .kitti import KittiMultiTask
from .label_format import LabelFormat
from .normal_format import NormalFormat
from .nyuv2 import NYUv2MultiTask
from .packed import PackedDataset, pack_dataset
from .seeded_sampler import SeededSampler
from .shift import ShiftMultiTask
from .street_scenes_dataset import StreetScenesDataset
from .synscapes import SynscapesMultiTask
from .target_format import TargetFormat
from .target_formats import register_format
from .transforms import (
    DecodeTargets,
    EvaluationCrop,
    FillSkyDepth,
    FlipTargets,
    LoadImage,
    LoadTargets,
    PackTargets,
    ResizeSample,
)
from .value_format import ValueFormat
from .vkitti2 import VirtualKitti2MultiTask

__all__ = [
    "CityscapesDepthFormat",
    "CityscapesMultiTask",
    "DecodeTargets",
    "DenseDataset",
    "DepthFormat",
    "EvaluationCrop",
    "FillSkyDepth",
    "FlipTargets",
    "KittiMultiTask",
    "LabelFormat",
    "LoadImage",
    "LoadTargets",
    "MultiTaskDataset",
    "NYUv2MultiTask",
    "NormalFormat",
    "PackTargets",
    "PackedDataset",
    "ResizeSample",
    "SeededSampler",
    "ShiftMultiTask",
    "StreetScenesDataset",
    "SynscapesMultiTask",
    "TargetFormat",
    "ValueFormat",
    "VirtualKitti2MultiTask",
    "pack_dataset",
    "register_format",
]
