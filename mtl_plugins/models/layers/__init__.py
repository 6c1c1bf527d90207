"""Tensor code without wiring."""

from .aspp import ASPP
from .channel_attention import ChannelAttention
from .channel_fusion import ChannelFusion
from .channel_gate import ChannelGate
from .gate import SpatialGate
from .resize import resize
from .transformer_block import TransformerBlock

__all__ = [
    "ASPP",
    "ChannelAttention",
    "ChannelFusion",
    "ChannelGate",
    "SpatialGate",
    "TransformerBlock",
    "resize",
]
