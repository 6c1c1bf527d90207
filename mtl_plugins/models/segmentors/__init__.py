"""Whole models."""

from .inference_config import Augmentation, InferenceConfig
from .multi_task_segmentor import MultiTaskSegmentor

__all__ = ["Augmentation", "InferenceConfig", "MultiTaskSegmentor"]
