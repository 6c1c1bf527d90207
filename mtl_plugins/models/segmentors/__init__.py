"""Whole models."""

from .multi_task_segmentor import MultiTaskSegmentor
from .prediction import Augmentation, InferenceConfig, View, Window, decode_views

__all__ = [
    "Augmentation",
    "InferenceConfig",
    "MultiTaskSegmentor",
    "View",
    "Window",
    "decode_views",
]
