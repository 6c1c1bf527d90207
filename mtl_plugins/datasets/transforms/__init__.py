"""Transforms that mmseg lacks or gets wrong."""

from .evaluation_crop import EvaluationCrop
from .flipping import FlipTargets
from .loading import DecodeTargets, LoadImage, LoadTargets
from .packing import PackTargets
from .photometric import PhotometricJitter
from .sample_size import ResizeSample
from .sky import FillSkyDepth

__all__ = [
    "DecodeTargets",
    "EvaluationCrop",
    "FillSkyDepth",
    "FlipTargets",
    "LoadImage",
    "LoadTargets",
    "PackTargets",
    "PhotometricJitter",
    "ResizeSample",
]
