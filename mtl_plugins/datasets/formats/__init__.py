"""How the files of each kind of target are decoded and encoded."""

from .depth_format import DepthFormat
from .label_format import LabelFormat
from .normal_format import NormalFormat
from .target_format import TargetFormat
from .target_formats import register_format
from .value_format import ValueFormat

__all__ = [
    "DepthFormat",
    "LabelFormat",
    "NormalFormat",
    "TargetFormat",
    "ValueFormat",
    "register_format",
]
