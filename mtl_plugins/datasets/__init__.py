"""Data sets and transforms."""

from .dense_dataset import DenseDataset
from .depth_format import DepthFormat
from .folder_dataset import MultiTaskDataset
from .label_format import LabelFormat
from .normal_format import NormalFormat
from .packed import PackedDataset, pack_dataset
from .seeded_sampler import SeededSampler
from .street_scenes_dataset import StreetScenesDataset
from .transforms import DecodeTargets, FlipTargets, LoadImage, LoadTargets, PackTargets

__all__ = [
    "DecodeTargets",
    "DenseDataset",
    "DepthFormat",
    "FlipTargets",
    "LabelFormat",
    "LoadImage",
    "LoadTargets",
    "MultiTaskDataset",
    "NormalFormat",
    "PackTargets",
    "PackedDataset",
    "SeededSampler",
    "StreetScenesDataset",
    "pack_dataset",
]
