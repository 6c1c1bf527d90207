"""Strict reading of image files and of arrays in files."""

from .image_io import decode_image, read_image, read_map
from .intensities import (
    Range,
    is_channels,
    is_image_range,
    shown_colours,
    to_bytes,
    to_intensities,
)
from .listing import (
    IMAGE_SUFFIXES,
    StoredFiles,
    files_below,
    has_suffix,
    is_hidden,
    named_files,
)
from .signatures import HEAD, PICTURES, recognised

__all__ = [
    "HEAD",
    "IMAGE_SUFFIXES",
    "PICTURES",
    "Range",
    "StoredFiles",
    "decode_image",
    "files_below",
    "has_suffix",
    "is_channels",
    "is_hidden",
    "is_image_range",
    "named_files",
    "read_image",
    "read_map",
    "recognised",
    "shown_colours",
    "to_bytes",
    "to_intensities",
]
