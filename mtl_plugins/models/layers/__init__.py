"""Building blocks of encoders, decoders and heads."""

from .aspp import ASPP, context_module
from .attended_mean import attended_mean
from .channel_fusion import ChannelAttention, ChannelFusion, ChannelGate
from .gate import SpatialGate
from .resize import enlarged_rows, resize, resized_rows, source_rows
from .transformer_block import TransformerBlock

__all__ = [
    "ASPP",
    "ChannelAttention",
    "ChannelFusion",
    "ChannelGate",
    "SpatialGate",
    "TransformerBlock",
    "attended_mean",
    "context_module",
    "enlarged_rows",
    "resize",
    "resized_rows",
    "source_rows",
]
