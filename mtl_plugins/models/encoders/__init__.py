"""Encoders: from images to feature pyramids."""

from .channels import accept_colour_weights, with_channels
from .spec import EncoderSpec, TaskEncoders, encoder_spec, feature_levels
from .timm_encoder import TimmEncoder

__all__ = [
    "EncoderSpec",
    "TaskEncoders",
    "TimmEncoder",
    "accept_colour_weights",
    "encoder_spec",
    "feature_levels",
    "with_channels",
]
