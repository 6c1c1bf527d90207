"""Attention over scalar values, with memory that does not grow with queries x latents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

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
