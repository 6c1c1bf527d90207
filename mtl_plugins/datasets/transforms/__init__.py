"""Transforms that mmseg lacks or gets wrong."""

from .loading import LoadImage, LoadTargets

__all__ = ["LoadImage", "LoadTargets"]
