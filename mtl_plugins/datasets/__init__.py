"""Data sets and transforms."""

from .depth_format import DepthFormat
from .folder_dataset import MultiTaskDataset
from .label_format import LabelFormat
from .street_scenes_dataset import StreetScenesDataset
from .transforms import LoadImage, LoadTargets

__all__ = [
    "DepthFormat",
    "LabelFormat",
    "LoadImage",
    "LoadTargets",
    "MultiTaskDataset",
    "StreetScenesDataset",
]
