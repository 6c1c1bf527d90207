"""Transforms that mmseg lacks or gets wrong."""

from .flipping import FlipTargets
from .loading import LoadImage, LoadTargets
from .packing import PackTargets

__all__ = ["FlipTargets", "LoadImage", "LoadTargets", "PackTargets"]
