"""Encoders: from images to feature pyramids."""

from .spec import EncoderSpec, encoder_spec
from .task_encoders import TaskEncoders
from .timm_encoder import TimmEncoder

__all__ = ["EncoderSpec", "TaskEncoders", "TimmEncoder", "encoder_spec"]
