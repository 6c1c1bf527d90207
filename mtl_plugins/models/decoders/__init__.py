"""Decoders: from a feature pyramid to one feature map, or to another pyramid."""

from .deeplab import AttentionFusionDecoder, DeepLabDecoder, MultiScaleDecoder
from .mmseg_decoder import MMSegDecoder
from .pyramid import FusionDecoder, PyramidDecoder
from .unet import NestedDecoder, TransformerSkipDecoder

__all__ = [
    "AttentionFusionDecoder",
    "DeepLabDecoder",
    "FusionDecoder",
    "MMSegDecoder",
    "MultiScaleDecoder",
    "NestedDecoder",
    "PyramidDecoder",
    "TransformerSkipDecoder",
]
