"""Attention: a transformer block, and the mean of scalars in bounded memory."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ...errors import ConfigError

PIECE = {"cpu": 2**20, "cuda": 2**25}
"""Probabilities that are held at a time: as many as a CPU's cache holds, or enough to keep a GPU
busy."""


def attended_mean(queries: Tensor, latents: Tensor, values: Tensor) -> Tensor:
    r"""Average the values for each query, weighted by softmax of its similarities to the latents.

    $\sum_b p_b v_b$ with $p = \mathrm{softmax}_b(q \cdot z_b)$. The probabilities of a few queries
    at a time are computed, and computed again in the backward pass, so that memory beyond the
    arguments and the result does not grow with queries x latents.

    Shapes: `queries` (N, P, C), `latents` (N, B, C), `values` (N, B), float32 -> (N, P).

    >>> queries = torch.tensor([[[0.0], [100.0]]])
    >>> attended_mean(queries, torch.tensor([[[0.0], [1.0]]]), torch.tensor([[4.0, 8.0]])).tolist()
    [[6.0, 8.0]]
    """
    # A traced graph must not depend on the number of pieces.
    if torch.compiler.is_compiling():
        return ((queries @ latents.mT).softmax(-1) @ values[..., None])[..., 0]
    return _AttendedMean.apply(queries, latents, values)


class _AttendedMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, latents: Tensor, values: Tensor) -> Tensor:
        mean = queries.new_empty(queries.shape[:2])
        for piece in _pieces(queries, latents):
            # One expression, so that the similarities are freed as soon as the softmax is computed.
            probabilities = (queries[:, piece] @ latents.mT).softmax(-1)
            mean[:, piece] = (probabilities @ values[..., None])[..., 0]
        ctx.save_for_backward(queries, latents, values, mean)
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        queries, latents, values, mean = ctx.saved_tensors
        to_queries = torch.empty_like(queries)
        to_latents, to_values = torch.zeros_like(latents), torch.zeros_like(values)
        for piece in _pieces(queries, latents):
            # The mean's gradient is p_b by a value, and p_b (v_b - mean) by a similarity.
            part = (queries[:, piece] @ latents.mT).softmax(-1)
            part *= gradient[:, piece, None]
            to_values += part.sum(1)
            part *= values[:, None] - mean[:, piece, None]
            to_queries[:, piece] = part @ latents
            to_latents += part.mT @ queries[:, piece]
        return to_queries, to_latents, to_values


def _pieces(queries: Tensor, latents: Tensor) -> Iterator[slice]:
    count = latents.shape[0] * latents.shape[1]
    step = max(1, PIECE.get(queries.device.type, PIECE["cpu"]) // count)
    for start in range(0, queries.shape[1], step):
        yield slice(start, start + step)


class TransformerBlock(BaseModule):
    r"""Mix tokens by self-attention, then transform each by a perceptron.

    Pre-norm: $x \leftarrow x + W_o\,\mathrm{softmax}(q k^T / \tau)\,v$ with
    $[q, k, v] = W\,\mathrm{LN}(x)$ and a learned positional embedding added to $q$, then
    $x \leftarrow x + \mathrm{MLP}(\mathrm{LN}(x))$ with one hidden layer of four times the width
    and GELU.

    Source: Vaswani et al., *Attention Is All You Need*, 2017; pre-norm of Xiong et al., *On Layer
    Normalization in the Transformer Architecture*, 2020.

    Args:
        channels: width of the tokens.
        num_heads: heads of the attention, a divisor of `channels`.
        num_positions: number of tokens that have a learned position; 0: none; the block then
            takes any number of tokens and ignores their order.
        temperature: $\tau > 0$; default: $\sqrt{channels / num\_heads}$.
        dropout: share of attention weights, and of values before each addition, that is dropped.

    Shapes: (N, tokens, channels) -> the same; tokens = num_positions where this is not 0.

    Raises:
        ConfigError: `channels` is no multiple of `num_heads`, or `temperature` is not positive.

    >>> TransformerBlock(8, num_heads=2, num_positions=5)(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        channels: int,
        num_heads: int = 4,
        num_positions: int = 0,
        temperature: float | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if channels % num_heads:
            raise ConfigError(
                f"TransformerBlock: channels={channels}, num_heads={num_heads}; every head takes "
                "channels / num_heads of them, so expected a divisor. Change one of the two."
            )
        if temperature is not None and temperature <= 0:
            raise ConfigError(
                f"TransformerBlock: temperature={temperature}; expected a number > 0, or None for "
                "the square root of the width of a head."
            )
        self.num_heads = num_heads
        self.scale = None if temperature is None else 1 / temperature
        self.attention_norm = nn.LayerNorm(channels)
        # No bias: a bias of k adds the same to all logits of a query, which softmax cancels.
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.positions = None
        if num_positions:
            self.positions = nn.Parameter(torch.empty(num_positions, channels))
            nn.init.trunc_normal_(self.positions, std=0.02)
        self.project = nn.Linear(channels, channels)
        self.mlp_norm = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.dropout(self.project(self.attend(self.attention_norm(tokens))))
        return tokens + self.dropout(self.mlp(self.mlp_norm(tokens)))

    def attend(self, tokens: Tensor) -> Tensor:
        """Return for each token the mean value of all, weighted by their similarity to it."""
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        if self.positions is not None:
            q = q + self.positions.to(q.dtype)
        q, k, v = (t.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for t in (q, k, v))
        rate = self.dropout.p if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, scale=self.scale)
        return mixed.transpose(1, 2).flatten(2)
