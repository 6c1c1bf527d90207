"""UNet++: dense nested skips."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..layers import resize
from .levels import distinct_levels


@MODELS.register_module()
class NestedDecoder(BaseModule):
    """Decode through a triangle of nodes, so that skips pass through convolutions.

    Node X(i,j) is two 3x3 convolutions over the concatenation of X(i,0), ..., X(i,j-1) and the
    upsampled X(i+1,j-1). X(i,0) is the encoder's level i, here reduced by a 1x1 convolution; the
    node X(0,last) is widened to the output.

    Source: Zhou et al., *UNet++: A Nested U-Net Architecture for Medical Image Segmentation*,
    2018, without deep supervision.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
            Of several levels with the same stride the deepest is used.
        channels: width of the output.
        hidden_channels: width of the nodes: one for all scales, or one for each, finest first.
        finest_stride: finer scales are left out.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, channels, h, w)
    with the size of the finest level used.

    Raises:
        ConfigError: every level is finer than `finest_stride`, or `hidden_channels` does not have
            one width for each scale.

    >>> decoder = NestedDecoder((8, 16, 16), (4, 8, 16), channels=6, hidden_channels=4)
    >>> list(decoder.nodes)
    ['0_1', '1_1', '0_2']
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int = 256,
        hidden_channels: int | Sequence[int] = 64,
        finest_stride: int = 4,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type="BN")
        self.out_channels = channels
        self.levels = distinct_levels(strides, finest_stride)
        depth = len(self.levels)
        widths = [hidden_channels] * depth if isinstance(hidden_channels, int) else hidden_channels
        if len(widths) != depth:
            raise ConfigError(
                f"NestedDecoder: hidden_channels={tuple(widths)} has {len(widths)} widths for "
                f"{depth} scales (strides {tuple(strides[level] for level in self.levels)}); give "
                "one for each, or one number for all."
            )
        # No normalisation of the levels themselves: the deepest may have one pixel, and batch
        # statistics of a single pixel are undefined.
        self.laterals = nn.ModuleList(
            nn.Conv2d(in_channels[level], width, 1)
            for level, width in zip(self.levels, widths, strict=True)
        )
        self.nodes = nn.ModuleDict()
        for j in range(1, depth):
            for i in range(depth - j):
                self.nodes[f"{i}_{j}"] = nn.Sequential(
                    ConvModule(
                        j * widths[i] + widths[i + 1], widths[i], 3, padding=1, norm_cfg=norm_cfg
                    ),
                    ConvModule(widths[i], widths[i], 3, padding=1, norm_cfg=norm_cfg),
                )
        self.project = ConvModule(widths[0], channels, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the decoded feature map."""
        rows = [
            [lateral(levels[level])]
            for level, lateral in zip(self.levels, self.laterals, strict=True)
        ]
        for j in range(1, len(rows)):
            for i in range(len(rows) - j):
                below = resize(rows[i + 1][j - 1], rows[i][0].shape[2:])
                rows[i].append(self.nodes[f"{i}_{j}"](torch.cat([*rows[i], below], dim=1)))
        return self.project(rows[0][-1])
