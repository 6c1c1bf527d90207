"""Strict reading of image files and of arrays in files."""

from .image_io import read_image, read_map

__all__ = ["read_image", "read_map"]
