"""Optimizer wrappers and their constructor."""

from .amp import AutocastOptimWrapper
from .optim_constructor import BalancedOptimWrapperConstructor

__all__ = ["AutocastOptimWrapper", "BalancedOptimWrapperConstructor"]
