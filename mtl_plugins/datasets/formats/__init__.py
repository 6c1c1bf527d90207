"""Formats: how the files of each type of target are decoded and encoded."""

from .depth_format import DepthFormat, NormalFormat
from .label_format import LabelFormat
from .target_format import FORMATS, TargetFormat, ValueFormat
from .type_formats import build_format, format_arguments

__all__ = [
    "FORMATS",
    "DepthFormat",
    "LabelFormat",
    "NormalFormat",
    "TargetFormat",
    "ValueFormat",
    "build_format",
    "format_arguments",
]
