"""Formats: how the files of each kind of target are decoded and encoded."""

from .depth_format import DepthFormat, NormalFormat
from .label_format import LabelFormat
from .target_format import TargetFormat, ValueFormat, register_format

__all__ = [
    "DepthFormat",
    "LabelFormat",
    "NormalFormat",
    "TargetFormat",
    "ValueFormat",
    "register_format",
]
