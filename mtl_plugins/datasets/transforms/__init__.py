"""Transforms that mmseg lacks or gets wrong."""

from .cropping import CenterCropTargets
from .cutting_out import CutOutTargets
from .evaluation_crop import EvaluationCrop
from .flipping import FlipTargets
from .loading import DecodeTargets, LoadImage, LoadTargets
from .mosaic import MosaicTargets
from .packing import PackTargets
from .padding import PadTargets
from .photometric import PhotometricJitter
from .rotating import RotateTargets
from .sample_size import ResizeSample
from .sky import FillSkyDepth
from .target_transform import TargetTransform
from .zooming import ZoomTargets

__all__ = [
    "CenterCropTargets",
    "CutOutTargets",
    "DecodeTargets",
    "EvaluationCrop",
    "FillSkyDepth",
    "FlipTargets",
    "LoadImage",
    "LoadTargets",
    "MosaicTargets",
    "PackTargets",
    "PadTargets",
    "PhotometricJitter",
    "ResizeSample",
    "RotateTargets",
    "TargetTransform",
    "ZoomTargets",
]
