"""A transformer that fuses the channels of several levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from .channel_attention import ChannelAttention
from .resize import resize


class ChannelFusion(BaseModule):
    """Add to every level what a channel-wise transformer over all levels finds.

    Each level is cut into patches so that all have the same grid of T tokens; layers of channel
    attention and a perceptron, both pre-norm and with residuals, mix the levels; the tokens are
    spread over the pixels again and added to the level.

    Source: Wang et al., *UCTransNet*, 2022, channel-wise cross fusion transformer (CCT). Without
    its position embeddings, which would tie it to one image size, and without batch normalisation
    behind the tokens, which are layer-normalised and may be a single one.

    Args:
        channels: channels of each level.
        patch_sizes: side of each level's patches in its own pixels.
        num_layers: number of layers.
        num_heads: heads of the channel attention.
        expansion: hidden width of the perceptrons relative to the level's.

    Shapes: one (N, channels[i], p_i * h, p_i * w) a level, with the same h and w -> the same.

    >>> fusion = ChannelFusion((4, 6), (2, 1), num_layers=1)
    >>> [tuple(x.shape) for x in fusion((torch.zeros(2, 4, 6, 8), torch.zeros(2, 6, 3, 4)))]
    [(2, 4, 6, 8), (2, 6, 3, 4)]
    """

    def __init__(
        self,
        channels: Sequence[int],
        patch_sizes: Sequence[int],
        num_layers: int = 4,
        num_heads: int = 4,
        expansion: int = 4,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.patches = nn.ModuleList(
            nn.Conv2d(c, c, size, stride=size)
            for c, size in zip(channels, patch_sizes, strict=True)
        )
        self.layers = nn.Sequential(
            *(_FusionLayer(channels, num_heads, expansion) for _ in range(num_layers))
        )
        self.norms = nn.ModuleList(nn.LayerNorm(c) for c in channels)
        self.spread = nn.ModuleList(ConvModule(c, c, 1) for c in channels)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return the fused levels."""
        grids = [patch(level) for patch, level in zip(self.patches, levels, strict=True)]
        tokens = self.layers([grid.flatten(2).transpose(1, 2) for grid in grids])
        fused = []
        for level, grid, own, norm, spread in zip(
            levels, grids, tokens, self.norms, self.spread, strict=True
        ):
            found = spread(norm(own).transpose(1, 2).reshape(grid.shape))
            fused.append(level + resize(found, level.shape[2:]))
        return fused


class _FusionLayer(BaseModule):
    """Channel attention over all levels, then a perceptron for each."""

    def __init__(self, channels: Sequence[int], num_heads: int, expansion: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(c) for c in channels)
        self.context_norm = nn.LayerNorm(sum(channels))
        self.attention = ChannelAttention(channels, num_heads)
        self.perceptrons = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(c),
                nn.Linear(c, expansion * c),
                nn.GELU(),
                nn.Linear(expansion * c, c),
            )
            for c in channels
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        context = self.context_norm(torch.cat(list(levels), dim=-1))
        normed = [norm(tokens) for norm, tokens in zip(self.norms, levels, strict=True)]
        mixed = [a + b for a, b in zip(levels, self.attention(normed, context), strict=True)]
        return [x + mlp(x) for x, mlp in zip(mixed, self.perceptrons, strict=True)]
