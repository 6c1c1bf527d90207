"""Attention between the channels of several levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F


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

    Shapes: one (N, T, C_i) a level and the context (N, T, sum C_i) -> one (N, T, C_i) a level.

    >>> attention = ChannelAttention((4, 6))
    >>> [tuple(x.shape) for x in attention((torch.zeros(2, 9, 4), torch.zeros(2, 9, 6)),
    ...     torch.zeros(2, 9, 10))]
    [(2, 9, 4), (2, 9, 6)]
    """

    def __init__(
        self, channels: Sequence[int], num_heads: int = 4, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        total = sum(channels)
        self.num_heads = num_heads
        self.queries = nn.ModuleList(nn.Linear(c, num_heads * c, bias=False) for c in channels)
        self.key = nn.Linear(total, num_heads * total, bias=False)
        self.value = nn.Linear(total, num_heads * total, bias=False)
        self.outs = nn.ModuleList(nn.Linear(c, c, bias=False) for c in channels)

    def forward(self, levels: Sequence[Tensor], context: Tensor) -> list[Tensor]:
        """Return every level's tokens, their channels mixed from those of all levels."""
        keys, values = self._split(self.key(context)), self._split(self.value(context))
        # Before the product, lest long sums overflow in half precision.
        keys = keys * context.shape[-1] ** -0.5
        results = []
        for tokens, query, out in zip(levels, self.queries, self.outs, strict=True):
            # Written out, as scaled_dot_product_attention cannot normalise between the product
            # and the softmax.
            scores = torch.einsum("nthc,nthk->nhck", self._split(query(tokens)), keys)
            weights = F.instance_norm(scores).softmax(dim=-1)
            results.append(out(torch.einsum("nhck,nthk->nhtc", weights, values).mean(dim=1)))
        return results

    def _split(self, tokens: Tensor) -> Tensor:
        """Split the heads: (N, T, heads * C) -> (N, T, heads, C)."""
        return tokens.unflatten(-1, (self.num_heads, -1))
