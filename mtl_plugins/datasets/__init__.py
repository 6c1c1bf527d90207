"""Data sets and transforms."""

from .depth_format import DepthFormat
from .folder_dataset import MultiTaskDataset
from .label_format import LabelFormat
from .normal_format import NormalFormat
from .seeded_sampler import SeededSampler
from .street_scenes_dataset import StreetScenesDataset
from .transforms import FlipTargets, LoadImage, LoadTargets, PackTargets

__all__ = [
    "DepthFormat",
    "FlipTargets",
    "LabelFormat",
    "LoadImage",
    "LoadTargets",
    "MultiTaskDataset",
    "NormalFormat",
    "PackTargets",
    "SeededSampler",
    "StreetScenesDataset",
]
