"""What a decoder does with the deepest level first."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from torch import nn

from ..layers import ASPP


def context_module(
    in_channels: int,
    channels: int,
    aspp_rates: Sequence[int] | None,
    dropout: float,
    norm_cfg: dict,
) -> nn.Module:
    """Return an ASPP, or a 1x1 convolution where `aspp_rates` is None.

    Shapes of the module: (N, in_channels, h, w) -> (N, channels, h, w).

    >>> type(context_module(8, 4, None, 0.0, dict(type='BN'))).__name__
    'ConvModule'
    """
    if aspp_rates is None:
        return ConvModule(in_channels, channels, 1, norm_cfg=norm_cfg)
    return ASPP(in_channels, channels, aspp_rates, dropout=dropout, norm_cfg=norm_cfg)
