"""Context of the deepest features: atrous spatial pyramid pooling, or a 1x1 convolution."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import ConfigError


def context_module(
    in_channels: int, channels: int, rates: Sequence[int] | None, dropout: float, norm_cfg: dict
) -> nn.Module:
    """Return an ASPP, or a 1x1 convolution where `rates` is None.

    Shapes of the module: (N, in_channels, h, w) -> (N, channels, h, w).

    >>> type(context_module(8, 4, None, 0.0, dict(type='BN'))).__name__
    'ConvModule'
    """
    if rates is None:
        return ConvModule(in_channels, channels, 1, norm_cfg=norm_cfg)
    return ASPP(in_channels, channels, rates, dropout=dropout, norm_cfg=norm_cfg)


class ASPP(BaseModule):
    """Apply several receptive fields to one feature map and fuse the results.

    A 1x1 convolution, a 3x3 convolution for each dilation rate and (optionally) the image's mean
    feature are concatenated and projected to `channels`.

    Source: Chen et al., *Rethinking Atrous Convolution for Semantic Image Segmentation*, 2017.

    Args:
        in_channels: channels of the input map.
        channels: channels of every branch and of the output.
        rates: dilation of each 3x3 branch, all >= 1; a larger one covers more of the image.
        image_pooling: whether the mean feature of the whole image is one more branch.
        dropout: share of values dropped after the projection, in [0, 1).

    Shapes: (N, in_channels, H, W) -> (N, channels, H, W).

    >>> ASPP(8, 4, rates=(3, 6, 9))(torch.zeros(2, 8, 5, 7)).shape
    torch.Size([2, 4, 5, 7])
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 256,
        rates: Sequence[int] = (3, 6, 9),
        image_pooling: bool = True,
        dropout: float = 0.0,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        if any(rate < 1 for rate in rates):
            raise ConfigError(f"ASPP: rates={tuple(rates)}; every dilation rate must be >= 1.")
        norm_cfg = norm_cfg or dict(type="BN")
        branches = [ConvModule(in_channels, channels, 1, norm_cfg=norm_cfg)]
        branches += [
            ConvModule(in_channels, channels, 3, padding=rate, dilation=rate, norm_cfg=norm_cfg)
            for rate in rates
        ]
        self.branches = nn.ModuleList(branches)
        # No normalisation here: the pooled map has one pixel per image, and batch statistics of a
        # single pixel are undefined.
        self.pooled = ConvModule(in_channels, channels, 1) if image_pooling else None
        width = channels * (len(branches) + image_pooling)
        self.project = ConvModule(width, channels, 1, norm_cfg=norm_cfg)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, features: Tensor) -> Tensor:
        maps = [branch(features) for branch in self.branches]
        if self.pooled is not None:
            mean = self.pooled(features.mean(dim=(2, 3), keepdim=True))
            maps.append(mean.expand(-1, -1, *features.shape[2:]))
        return self.dropout(self.project(torch.cat(maps, dim=1)))
