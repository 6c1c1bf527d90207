"""DeepLabV3+ with a skip at every scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..layers import context_module, resize
from .levels import distinct_levels


@MODELS.register_module()
class MultiScaleDecoder(BaseModule):
    """Decode from the ASPP on the deepest level up through every finer scale of the encoder.

    At each scale the features are upsampled, concatenated with a reduced skip and merged by a 3x3
    convolution. Context and skips as in Chen et al., *Encoder-Decoder with Atrous Separable
    Convolution for Semantic Image Segmentation*, 2018; the scales as in Ronneberger et al.,
    *U-Net*, 2015.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
            Of several levels with the same stride only the deepest is a skip, and no skip has the
            deepest stride.
        channels: width of the ASPP, of every scale and of the output.
        aspp_rates: dilations of the ASPP; None: a 1x1 convolution instead of an ASPP.
        skip_channels: channels to which every skip is reduced.
        finest_stride: finer scales are left out.
        dropout: share of values dropped after the ASPP.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, channels, h, w)
    with the size of the finest level used.

    Raises:
        ConfigError: every level is finer than `finest_stride`.

    >>> decoder = MultiScaleDecoder((8, 16, 16), (2, 4, 8), channels=4)
    >>> decoder([torch.zeros(2, c, 32 // s, 32 // s) for c, s in ((8, 2), (16, 4), (16, 8))]).shape
    torch.Size([2, 4, 16, 16])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int = 256,
        aspp_rates: Sequence[int] | None = (3, 6, 9),
        skip_channels: int = 48,
        finest_stride: int = 2,
        dropout: float = 0.0,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type="BN")
        self.out_channels = channels
        self.context = context_module(in_channels[-1], channels, aspp_rates, dropout, norm_cfg)
        *finer, _ = distinct_levels(strides, finest_stride)
        self.skip_levels = finer[::-1]
        self.skips = nn.ModuleList(
            ConvModule(in_channels[level], skip_channels, 1, norm_cfg=norm_cfg)
            for level in self.skip_levels
        )
        self.convs = nn.ModuleList(
            ConvModule(channels + skip_channels, channels, 3, padding=1, norm_cfg=norm_cfg)
            for _ in self.skip_levels
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the decoded feature map."""
        features = self.context(levels[-1])
        for level, reduce, conv in zip(self.skip_levels, self.skips, self.convs, strict=True):
            skip = reduce(levels[level])
            features = conv(torch.cat([resize(features, skip.shape[2:]), skip], dim=1))
        return features
