"""Files of images and arrays, read strictly."""

from .image_io import read_image

__all__ = ["read_image"]
