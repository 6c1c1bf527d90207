"""Tensor code without wiring."""

from .aspp import ASPP
from .resize import resize

__all__ = ["ASPP", "resize"]
