"""From a pyramid to a pyramid, and the plainest way from a pyramid to one map."""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..layers import resize


@MODELS.register_module()
class PyramidDecoder(BaseModule):
    """Keep the levels of the pyramid apart: as they are, reduced, or joined from coarse to fine.

    For interactions that work on every scale, and for task heads that take a pyramid. Before other
    heads, `fusion` of the multi-task head makes one map of the levels.

    Source: Lin et al., *Feature Pyramid Networks for Object Detection*, 2017, for `top_down`.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        channels: width of every level, or one for each, made by a 1x1 convolution; None: the
            levels pass unchanged.
        top_down: add to each level the next coarser one, enlarged, and end each with a 3x3
            convolution; needs one width for all levels.

    Shapes: per level (N, in_channels[i], h, w) -> per level (N, out_channels[i], h, w).

    Raises:
        ConfigError: `channels` does not have one width for each level, or `top_down` has not one
            width for all.

    >>> decoder = PyramidDecoder((8, 16), (4, 8), channels=6, top_down=True)
    >>> decoder.out_channels, decoder.out_strides
    ((6, 6), (4, 8))
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int | Sequence[int] | None = None,
        top_down: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if top_down and not isinstance(channels, int):
            raise ConfigError(
                f"PyramidDecoder: top_down=True adds levels to each other, but channels={channels};"
                " give one number for all levels."
            )
        if channels is None:
            widths = list(in_channels)
        else:
            widths = [channels] * len(strides) if isinstance(channels, int) else list(channels)
        if len(widths) != len(strides):
            raise ConfigError(
                f"PyramidDecoder: channels={tuple(widths)} has {len(widths)} widths for "
                f"{len(strides)} levels (strides {tuple(strides)}); give one for each, or one "
                "number for all."
            )
        self.out_channels, self.out_strides = tuple(widths), tuple(strides)
        # No normalisation: the deepest level may have one pixel, and batch statistics of a single
        # pixel are undefined.
        self.laterals = nn.ModuleList(
            nn.Identity() if channels is None else nn.Conv2d(given, width, 1)
            for given, width in zip(in_channels, widths, strict=True)
        )
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1) if top_down else nn.Identity() for width in widths
        )
        self.top_down = top_down

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        kept = [lateral(level) for lateral, level in zip(self.laterals, levels, strict=True)]
        if self.top_down:
            for i in reversed(range(len(kept) - 1)):
                kept[i] = kept[i] + resize(kept[i + 1], kept[i].shape[2:])
        return tuple(conv(level) for conv, level in zip(self.convs, kept, strict=True))


@MODELS.register_module()
class FusionDecoder(BaseModule):
    """Enlarge all levels to the finest, concatenate them and mix them by a 1x1 convolution.

    Source: Wang et al., *Deep High-Resolution Representation Learning for Visual Recognition*,
    2020 (HRNetV2's head, before its classifier).

    Args:
        in_channels, strides: channels and strides of the levels (filled in by the model).
        channels: width of the output; None: that of all levels together, as in the paper.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, channels, h, w)
    with the size of the finest level.

    >>> decoder = FusionDecoder((8, 16), (4, 8))
    >>> decoder((torch.zeros(2, 8, 16, 24), torch.zeros(2, 16, 8, 12))).shape
    torch.Size([2, 24, 16, 24])
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        channels: int | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type="BN")
        width = sum(in_channels)
        self.out_channels = width if channels is None else channels
        self.finest = min(range(len(strides)), key=lambda level: strides[level])
        self.mix = nn.Conv2d(width, self.out_channels, 1)
        self.norm = build_norm_layer(norm_cfg, self.out_channels)[1]

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        size = levels[self.finest].shape[2:]
        return self.norm(self.mix(torch.cat([resize(x, size) for x in levels], dim=1))).relu()
