"""Strict reading of image files and of arrays in files."""

from .image_io import Range, is_image_range, read_image, read_map, to_bytes

__all__ = ["Range", "is_image_range", "read_image", "read_map", "to_bytes"]
