"""UCTransNet's layers: attention between channels, fusion of levels, gated skips."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from .resize import resize


class ChannelAttention(BaseModule):
    """Let every level's channels attend to the channels of all levels together.

    In each head the queries Q of a level and the keys K and values V of all levels give
    `softmax(norm(Q^T K / sqrt(sum C_i))) V^T`, where `norm` is instance normalisation over the
    C_i x sum C_i matrix; the heads, all of full width, are averaged. The matrix does not grow
    with the number of tokens T, so that memory is linear in the pixels.

    Source: Wang et al., *UCTransNet: Rethinking the Skip Connections in U-Net from a Channel-wise
    Perspective with Transformer*, 2022, equations 2 to 4.

    Args:
        channels: channels C_i of each level.
        num_heads: number of heads, at least one.

    Shapes: one (N, T, C_i) per level and the context (N, T, sum C_i) -> one (N, T, C_i) per
    level.

    >>> attention = ChannelAttention((4, 6))
    >>> [tuple(x.shape) for x in attention((torch.zeros(2, 9, 4), torch.zeros(2, 9, 6)),
    ...     torch.zeros(2, 9, 10))]
    [(2, 9, 4), (2, 9, 6)]
    """

    def __init__(self, channels: Sequence[int], num_heads: int = 4) -> None:
        super().__init__()
        total = sum(channels)
        self.num_heads = num_heads
        self.queries = nn.ModuleList(nn.Linear(c, num_heads * c, bias=False) for c in channels)
        self.key = nn.Linear(total, num_heads * total, bias=False)
        self.value = nn.Linear(total, num_heads * total, bias=False)
        self.outs = nn.ModuleList(nn.Linear(c, c, bias=False) for c in channels)

    def forward(self, levels: Sequence[Tensor], context: Tensor) -> list[Tensor]:
        keys, values = self._split(self.key(context)), self._split(self.value(context))
        # Scaled before the product, because long sums could overflow in half precision.
        keys = keys * context.shape[-1] ** -0.5
        results = []
        for tokens, query, out in zip(levels, self.queries, self.outs, strict=True):
            # Not scaled_dot_product_attention, which cannot normalise between product and softmax.
            scores = torch.einsum("nthc,nthk->nhck", self._split(query(tokens)), keys)
            weights = F.instance_norm(scores).softmax(dim=-1)
            results.append(out(torch.einsum("nhck,nthk->nhtc", weights, values).mean(dim=1)))
        return results

    def _split(self, tokens: Tensor) -> Tensor:
        """Split the heads: (N, T, heads * C) -> (N, T, heads, C)."""
        return tokens.unflatten(-1, (self.num_heads, -1))


class ChannelFusion(BaseModule):
    """Add the output of a channel-wise transformer over all levels to every level.

    Each level is cut into patches so that all have the same grid of T tokens; layers of channel
    attention and a perceptron, both pre-norm and with residuals, mix the levels; the tokens are
    spread over the pixels again and added to the level.

    Source: Wang et al., *UCTransNet*, 2022, channel-wise cross fusion transformer (CCT). Position
    embeddings are left out because they would fix the image size, and batch normalisation behind
    the tokens because they are layer-normalised and there may be a single one.

    Args:
        channels: channels of each level.
        patch_sizes: side of each level's patches in its own pixels.
        num_layers: number of layers.
        num_heads: heads of the channel attention.
        expansion: hidden width of the perceptrons relative to the level's.

    Shapes: one (N, channels[i], p_i * h, p_i * w) per level, with the same h and w -> the same.

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
    ) -> None:
        super().__init__()
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
    """Channel attention over all levels, then a perceptron of k times the width for each."""

    def __init__(self, channels: Sequence[int], num_heads: int, k: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(c) for c in channels)
        self.context_norm = nn.LayerNorm(sum(channels))
        self.attention = ChannelAttention(channels, num_heads)
        self.perceptrons = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(c), nn.Linear(c, k * c), nn.GELU(), nn.Linear(k * c, c))
            for c in channels
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        context = self.context_norm(torch.cat(list(levels), dim=-1))
        normed = [norm(tokens) for norm, tokens in zip(self.norms, levels, strict=True)]
        mixed = [a + b for a, b in zip(levels, self.attention(normed, context), strict=True)]
        return [x + mlp(x) for x, mlp in zip(mixed, self.perceptrons, strict=True)]


class ChannelGate(BaseModule):
    """Gate the channels of a skip by the decoder's features.

    `relu(skip * sigmoid((A mean(skip) + B mean(features)) / 2))` with the means over all pixels
    and linear A and B.

    Source: Wang et al., *UCTransNet*, 2022, channel-wise cross attention (CCA).

    Args:
        skip_channels, feature_channels: channels of the skip and of the decoder's features.

    Shapes: (N, skip_channels, h, w) and (N, feature_channels, any size) -> the skip's shape.

    >>> ChannelGate(4, 6)(torch.zeros(2, 4, 8, 8), torch.zeros(2, 6, 4, 4)).shape
    torch.Size([2, 4, 8, 8])
    """

    def __init__(self, skip_channels: int, feature_channels: int) -> None:
        super().__init__()
        self.of_skip = nn.Linear(skip_channels, skip_channels)
        self.of_features = nn.Linear(feature_channels, skip_channels)

    def forward(self, skip: Tensor, features: Tensor) -> Tensor:
        score = self.of_skip(skip.mean(dim=(2, 3))) + self.of_features(features.mean(dim=(2, 3)))
        return (skip * (score / 2).sigmoid()[:, :, None, None]).relu()
