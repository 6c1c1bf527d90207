"""Formats: how the files of each type of target are decoded and encoded."""

from .depth_format import DepthFormat, NormalFormat
from .label_format import LabelFormat
from .object_formats import CentreFormat, OutlineFormat
from .target_format import FORMATS, TargetFormat, ValueFormat
from .type_formats import build_format, format_arguments

__all__ = [
    "FORMATS",
    "CentreFormat",
    "DepthFormat",
    "LabelFormat",
    "NormalFormat",
    "OutlineFormat",
    "TargetFormat",
    "ValueFormat",
    "build_format",
    "format_arguments",
]
