"""Building blocks of encoders, decoders and heads."""

from .aspp import ASPP, context_module
from .attention import TransformerBlock, attended_mean
from .channel_fusion import ChannelAttention, ChannelFusion, ChannelGate
from .features import Features, Share, Widths, shared_views
from .gate import SpatialGate
from .resize import enlarged_rows, resize, resized_rows, source_rows

__all__ = [
    "ASPP",
    "ChannelAttention",
    "ChannelFusion",
    "ChannelGate",
    "Features",
    "Share",
    "SpatialGate",
    "TransformerBlock",
    "Widths",
    "attended_mean",
    "context_module",
    "enlarged_rows",
    "resize",
    "resized_rows",
    "shared_views",
    "source_rows",
]
