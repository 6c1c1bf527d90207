"""Transforms that mmseg lacks or gets wrong."""

from .cropping import CenterCropTargets
from .cutting_out import CutOutTargets
from .flipping import FlipTargets
from .loading import DecodeTargets, LoadImage, LoadTargets
from .mosaic import MosaicTargets
from .packing import PackTargets
from .padding import PadTargets
from .photometric import PhotometricJitter
from .rotating import RotateTargets
from .target_transform import TargetTransform
from .zooming import ZoomTargets

__all__ = [
    "CenterCropTargets",
    "CutOutTargets",
    "DecodeTargets",
    "FlipTargets",
    "LoadImage",
    "LoadTargets",
    "MosaicTargets",
    "PackTargets",
    "PadTargets",
    "PhotometricJitter",
    "RotateTargets",
    "TargetTransform",
    "ZoomTargets",
]
