"""Transforms that mmseg lacks or that are wrong there for depth, normals or other targets."""

from .albumentations import AlbuImage
from .cropping import CenterCropTargets, CutOutTargets, PadTargets
from .geometric import FlipTargets, RotateTargets, ZoomTargets
from .loading import DecodeTargets, LoadImage, LoadTargets, PackTargets, SourceTransform
from .mosaic import MosaicTargets
from .photometric import PhotometricJitter
from .protocol import EvaluationCrop, FillSkyDepth, IgnoreEmpty, ResizeSample, ResizeTargets
from .target_transform import MEAN_COLOUR, TargetTransform

__all__ = [
    "MEAN_COLOUR",
    "AlbuImage",
    "CenterCropTargets",
    "CutOutTargets",
    "DecodeTargets",
    "EvaluationCrop",
    "FillSkyDepth",
    "FlipTargets",
    "IgnoreEmpty",
    "LoadImage",
    "LoadTargets",
    "MosaicTargets",
    "PackTargets",
    "PadTargets",
    "PhotometricJitter",
    "ResizeSample",
    "ResizeTargets",
    "RotateTargets",
    "SourceTransform",
    "TargetTransform",
    "ZoomTargets",
]
