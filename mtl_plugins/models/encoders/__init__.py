"""Image -> feature pyramid."""

from .spec import EncoderSpec, encoder_spec
from .timm_encoder import TimmEncoder

__all__ = ["EncoderSpec", "TimmEncoder", "encoder_spec"]
