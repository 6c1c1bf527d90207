"""Strict reading of image files and of arrays in files."""

from .image_io import Range, decode_image, is_image_range, read_image, read_map, to_bytes
from .listing import (
    IMAGE_SUFFIXES,
    StoredFiles,
    files_below,
    has_suffix,
    is_hidden,
    named_files,
)
from .mat_files import read_mat
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
    "is_hidden",
    "is_image_range",
    "named_files",
    "read_image",
    "read_map",
    "read_mat",
    "recognised",
    "to_bytes",
]
