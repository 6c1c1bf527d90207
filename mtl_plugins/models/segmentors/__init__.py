"""Whole models."""

from .multi_task_segmentor import MultiTaskSegmentor, sum_by_task
from .prediction import EXTRAS, Augmentation, InferenceConfig, View, Window, decode_views

__all__ = [
    "EXTRAS",
    "Augmentation",
    "InferenceConfig",
    "MultiTaskSegmentor",
    "View",
    "Window",
    "decode_views",
    "sum_by_task",
]
