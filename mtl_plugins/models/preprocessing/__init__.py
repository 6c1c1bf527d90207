"""Preprocessing of loaded samples to batches on the device."""

from .data_preprocessor import MultiTaskDataPreprocessor, checked_preprocessor
from .device_augmentation import COLORS, FLIP, RGB_CHANNELS

__all__ = ["COLORS", "FLIP", "RGB_CHANNELS", "MultiTaskDataPreprocessor", "checked_preprocessor"]
