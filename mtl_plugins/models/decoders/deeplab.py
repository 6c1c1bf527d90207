"""DeepLabV3+: context from the deepest level, detail from one skip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ..layers import context_module, resize
from .levels import nearest_level


@MODELS.register_module()
class DeepLabDecoder(BaseModule):
    """Decode a pyramid into one map: ASPP on the deepest level, a skip, a 3x3 convolution.

    Source: Chen et al., *Encoder-Decoder with Atrous Separable Convolution for Semantic Image
    Segmentation*, 2018 (with plain 3x3 convolutions).

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        channels: width of the ASPP and of the output.
        aspp_rates: dilations of the ASPP; None: a 1x1 convolution instead of an ASPP.
        skip_stride: the level nearest to this stride is the skip; None: no skip.
        skip_channels: channels to which the skip is reduced.
        num_convs: 3x3 convolutions after the skip (at least one with a skip).
        dropout: share of values dropped after the ASPP.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, channels, h, w)
    with the size of the skip, or of the deepest level without one.

    >>> decoder = DeepLabDecoder((8, 16), (4, 16), channels=4)
    >>> decoder((torch.zeros(2, 8, 16, 24), torch.zeros(2, 16, 4, 6))).shape
    torch.Size([2, 4, 16, 24])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int = 256,
        aspp_rates: Sequence[int] | None = (3, 6, 9),
        skip_stride: int | None = 4,
        skip_channels: int = 48,
        num_convs: int = 1,
        dropout: float = 0.0,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type="BN")
        self.out_channels = channels
        self.context = context_module(in_channels[-1], channels, aspp_rates, dropout, norm_cfg)
        self.skip_level: int | None = None
        width = channels
        if skip_stride is not None:
            self.skip_level = nearest_level(strides, skip_stride)
            self.skip = ConvModule(
                in_channels[self.skip_level], skip_channels, 1, norm_cfg=norm_cfg
            )
            width += skip_channels
            if num_convs < 1:
                raise ConfigError(
                    f"DeepLabDecoder: num_convs={num_convs}; a skip needs at least one 3x3 "
                    "convolution to be merged, or set skip_stride=None."
                )
        self.convs = torch.nn.Sequential()
        for index in range(num_convs if skip_stride is not None else 0):
            conv = ConvModule(
                channels if index else width, channels, 3, padding=1, norm_cfg=norm_cfg
            )
            self.convs.append(conv)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the decoded feature map."""
        features = self.context(levels[-1])
        if self.skip_level is None:
            return features
        skip = self.skip(levels[self.skip_level])
        return self.convs(torch.cat([resize(features, skip.shape[2:]), skip], dim=1))
