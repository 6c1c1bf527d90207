"""Preprocessing of loaded samples to batches on the device."""

from .data_preprocessor import MultiTaskDataPreprocessor

__all__ = ["MultiTaskDataPreprocessor"]
