"""Strict reading of image files and of arrays in files."""

from .image_io import decode_image, read_image, read_map
from .intensities import (
    BYTES,
    Range,
    Ranges,
    each_range,
    frozen_range,
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
from .mat_files import read_mat
from .patterns import PathPattern, is_pattern
from .signatures import HEAD, PICTURES, recognised

__all__ = [
    "BYTES",
    "HEAD",
    "IMAGE_SUFFIXES",
    "PICTURES",
    "PathPattern",
    "Range",
    "Ranges",
    "StoredFiles",
    "decode_image",
    "each_range",
    "files_below",
    "frozen_range",
    "has_suffix",
    "is_channels",
    "is_hidden",
    "is_image_range",
    "is_pattern",
    "named_files",
    "read_image",
    "read_map",
    "read_mat",
    "recognised",
    "shown_colours",
    "to_bytes",
    "to_intensities",
]
