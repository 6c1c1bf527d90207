"""Transforms that mmseg lacks or gets wrong."""

from .flipping import FlipTargets
from .loading import DecodeTargets, LoadImage, LoadTargets
from .packing import PackTargets
from .photometric import PhotometricJitter

__all__ = [
    "DecodeTargets",
    "FlipTargets",
    "LoadImage",
    "LoadTargets",
    "PackTargets",
    "PhotometricJitter",
]
