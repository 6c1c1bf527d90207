"""Decoders: from a feature pyramid to one feature map."""

from .deeplab import AttentionFusionDecoder, DeepLabDecoder, MultiScaleDecoder
from .mmseg_decoder import MMSegDecoder
from .unet import NestedDecoder, TransformerSkipDecoder

__all__ = [
    "AttentionFusionDecoder",
    "DeepLabDecoder",
    "MMSegDecoder",
    "MultiScaleDecoder",
    "NestedDecoder",
    "TransformerSkipDecoder",
]
