"""Decoders: from a feature pyramid to one feature map."""

from .attention_fusion import AttentionFusionDecoder
from .deeplab import DeepLabDecoder
from .mmseg_decoder import MMSegDecoder
from .multi_scale import MultiScaleDecoder
from .nested import NestedDecoder
from .transformer_skip import TransformerSkipDecoder

__all__ = [
    "AttentionFusionDecoder",
    "DeepLabDecoder",
    "MMSegDecoder",
    "MultiScaleDecoder",
    "NestedDecoder",
    "TransformerSkipDecoder",
]
