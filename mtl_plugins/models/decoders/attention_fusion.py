"""DeepLabV3+ whose skip is fused from several scales by attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..layers import context_module, resize
from .levels import nearest_level


@MODELS.register_module()
class AttentionFusionDecoder(BaseModule):
    """Fuse the features of several scales by spatial attention and merge them with an ASPP.

    Each scale's features `x` become `x * sigmoid(conv(x))` with a 1x1 convolution to one channel,
    are resized to the finest of the scales, concatenated and reduced by a 3x3 convolution; the
    ASPP on the deepest level joins as in DeepLabV3+ (Chen et al., 2018). Attention over scales:
    Chen et al., *Attention to Scale*, 2016, with independent sigmoids instead of a softmax.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        channels: width of the ASPP, of the fused scales and of the output.
        aspp_rates: dilations of the ASPP; None: a 1x1 convolution instead of an ASPP.
        fusion_strides: the levels nearest to these strides are fused, each once.
        dropout: share of values dropped after the ASPP.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, channels, h, w)
    with the size of the finest fused level.

    Raises:
        ConfigError: `fusion_strides` is empty.

    >>> decoder = AttentionFusionDecoder((8, 16, 16), (4, 8, 32), channels=4)
    >>> decoder.fusion_levels
    [0, 1]
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int = 256,
        aspp_rates: Sequence[int] | None = (3, 6, 9),
        fusion_strides: Sequence[int] = (4, 8, 16),
        dropout: float = 0.0,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not fusion_strides:
            raise ConfigError(
                "AttentionFusionDecoder: fusion_strides is empty; name at least one stride, or "
                "use DeepLabDecoder with skip_stride=None."
            )
        norm_cfg = norm_cfg or dict(type="BN")
        self.out_channels = channels
        self.context = context_module(in_channels[-1], channels, aspp_rates, dropout, norm_cfg)
        self.fusion_levels = sorted({nearest_level(strides, stride) for stride in fusion_strides})
        widths = [in_channels[level] for level in self.fusion_levels]
        self.gates = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in widths)
        self.fuse = ConvModule(sum(widths), channels, 3, padding=1, norm_cfg=norm_cfg)
        self.merge = ConvModule(2 * channels, channels, 3, padding=1, norm_cfg=norm_cfg)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the decoded feature map."""
        attention = self.attention(levels)
        size = attention[0].shape[2:]
        gated = [
            resize(levels[level] * weight, size)
            for level, weight in zip(self.fusion_levels, attention, strict=True)
        ]
        detail = self.fuse(torch.cat(gated, dim=1))
        context = resize(self.context(levels[-1]), size)
        return self.merge(torch.cat([context, detail], dim=1))

    def attention(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return the attention map (N,1,h,w), in (0, 1), of every fused level, finest first."""
        return [
            gate(levels[level]).sigmoid()
            for level, gate in zip(self.fusion_levels, self.gates, strict=True)
        ]
