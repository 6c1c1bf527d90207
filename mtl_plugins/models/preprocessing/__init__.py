"""Preprocessing of loaded samples to batches on the device."""

from .data_preprocessor import MultiTaskDataPreprocessor, checked_preprocessor
from .device_augmentation import COLORS, FLIP

__all__ = ["COLORS", "FLIP", "MultiTaskDataPreprocessor", "checked_preprocessor"]
