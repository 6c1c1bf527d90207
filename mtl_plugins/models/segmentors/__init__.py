"""Whole models."""

from .inference_config import Augmentation, InferenceConfig
from .multi_task_segmentor import MultiTaskSegmentor
from .prediction import View, Window, decode_views

__all__ = [
    "Augmentation",
    "InferenceConfig",
    "MultiTaskSegmentor",
    "View",
    "Window",
    "decode_views",
]
