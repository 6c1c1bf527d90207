"""DeepLabV3+: with one skip, a skip at every scale, or a skip fused from several scales."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..layers import context_module, resize
from .levels import distinct_levels, nearest_level


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
        self.skip_level = None if skip_stride is None else nearest_level(strides, skip_stride)
        if self.skip_level is None:
            return
        if num_convs < 1:
            raise ConfigError(
                f"DeepLabDecoder: num_convs={num_convs}; a skip needs at least one 3x3 "
                "convolution to be merged, or set skip_stride=None."
            )
        self.skip = ConvModule(in_channels[self.skip_level], skip_channels, 1, norm_cfg=norm_cfg)
        widths = [channels + skip_channels] + [channels] * (num_convs - 1)
        self.convs = nn.Sequential(
            *(ConvModule(width, channels, 3, padding=1, norm_cfg=norm_cfg) for width in widths)
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        features = self.context(levels[-1])
        if self.skip_level is None:
            return features
        skip = self.skip(levels[self.skip_level])
        return self.convs(torch.cat([resize(features, skip.shape[2:]), skip], dim=1))


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
        features = self.context(levels[-1])
        for level, reduce, conv in zip(self.skip_levels, self.skips, self.convs, strict=True):
            skip = reduce(levels[level])
            features = conv(torch.cat([resize(features, skip.shape[2:]), skip], dim=1))
        return features


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
