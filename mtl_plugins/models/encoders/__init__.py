"""Encoders: from images to feature pyramids."""

from .spec import EncoderSpec, TaskEncoders, encoder_spec, feature_levels
from .timm_encoder import TimmEncoder

__all__ = ["EncoderSpec", "TaskEncoders", "TimmEncoder", "encoder_spec", "feature_levels"]
