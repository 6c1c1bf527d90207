"""Whole models."""

from .inference_config import Augmentation, InferenceConfig
from .multi_task_segmentor import MultiTaskSegmentor
from .prediction import decoded
from .view import View, Window

__all__ = ["Augmentation", "InferenceConfig", "MultiTaskSegmentor", "View", "Window", "decoded"]
