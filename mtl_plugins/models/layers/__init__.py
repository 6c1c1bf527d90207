"""Tensor code without wiring."""

from .aspp import ASPP
from .attended_mean import attended_mean
from .channel_attention import ChannelAttention
from .channel_fusion import ChannelFusion
from .channel_gate import ChannelGate
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
    "enlarged_rows",
    "resize",
    "resized_rows",
    "source_rows",
]
