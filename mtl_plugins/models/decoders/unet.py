"""Relatives of U-Net: UNet++ with nested skips, UCTransNet with skips fused by a transformer."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..layers import ChannelFusion, ChannelGate, resize
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
        rows = [
            [lateral(levels[level])]
            for level, lateral in zip(self.levels, self.laterals, strict=True)
        ]
        for j in range(1, len(rows)):
            for i in range(len(rows) - j):
                below = resize(rows[i + 1][j - 1], rows[i][0].shape[2:])
                rows[i].append(self.nodes[f"{i}_{j}"](torch.cat([*rows[i], below], dim=1)))
        return self.project(rows[0][-1])


@MODELS.register_module()
class TransformerSkipDecoder(BaseModule):
    """Fuse all levels by a channel-wise transformer, then decode upwards with gated skips.

    At each scale the skip's channels are gated by the decoder's features, concatenated with them
    and merged by two 3x3 convolutions. Memory is linear in the pixels.

    Source: Wang et al., *UCTransNet: Rethinking the Skip Connections in U-Net from a Channel-wise
    Perspective with Transformer*, 2022. Here all scales have one width, and the deepest level is
    fused together with the skips, so that an encoder with a single stride can be decoded too.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
            Of several levels with the same stride the deepest is used.
        channels: width of the output.
        hidden_channels: width to which every level is reduced, and of the decoding.
        num_layers, num_heads: layers and heads of the transformer, at least one each.
        finest_stride: finer scales are left out.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]), H and W multiples of
    the largest stride -> (N, channels, h, w) with the size of the finest level used.

    Raises:
        ConfigError: every level is finer than `finest_stride`, a stride does not divide the
            largest one, or there are no layers or heads.

    >>> decoder = TransformerSkipDecoder((8, 16), (4, 8), channels=6, hidden_channels=4)
    >>> decoder((torch.zeros(2, 8, 16, 24), torch.zeros(2, 16, 8, 12))).shape
    torch.Size([2, 6, 16, 24])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int = 256,
        hidden_channels: int = 64,
        num_layers: int = 4,
        num_heads: int = 4,
        finest_stride: int = 4,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_layers < 1 or num_heads < 1:
            raise ConfigError(
                f"TransformerSkipDecoder: num_layers={num_layers}, num_heads={num_heads}; both "
                "must be at least 1. For skips without a transformer use MultiScaleDecoder."
            )
        norm_cfg = norm_cfg or dict(type="BN")
        width = hidden_channels
        self.out_channels = channels
        self.levels = distinct_levels(strides, finest_stride)
        used = [strides[level] for level in self.levels]
        if any(used[-1] % stride for stride in used):
            raise ConfigError(
                f"TransformerSkipDecoder: strides {tuple(used)}; each must divide the largest, as "
                "all levels are cut into one grid of patches. Raise finest_stride or choose other "
                "levels of the encoder (out_indices)."
            )
        # No normalisation here: the deepest level may have one pixel, and batch statistics of a
        # single pixel are undefined.
        self.laterals = nn.ModuleList(
            nn.Conv2d(in_channels[level], width, 1) for level in self.levels
        )
        patch_sizes = [int(used[-1] / stride) for stride in used]
        self.fusion = ChannelFusion([width] * len(used), patch_sizes, num_layers, num_heads)
        self.gates = nn.ModuleList(ChannelGate(width, width) for _ in used[1:])
        self.convs = nn.ModuleList(
            nn.Sequential(
                ConvModule(2 * width, width, 3, padding=1, norm_cfg=norm_cfg),
                ConvModule(width, width, 3, padding=1, norm_cfg=norm_cfg),
            )
            for _ in used[1:]
        )
        self.project = ConvModule(width, channels, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        reduced = [
            lateral(levels[level])
            for level, lateral in zip(self.levels, self.laterals, strict=True)
        ]
        *skips, features = self.fusion(reduced)
        for skip, gate, conv in zip(skips[::-1], self.gates, self.convs, strict=True):
            features = resize(features, skip.shape[2:])
            features = conv(torch.cat([gate(skip, features), features], dim=1))
        return self.project(features)
