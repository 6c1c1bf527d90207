"""Depths of adaptive bins from their latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .depth_codecs import DepthCodec


def bin_edges(numbers: Tensor, min_depth: float, max_depth: float) -> Tensor:
    """Return increasing edges from `min_depth` to `max_depth`, with widths of softmax(numbers).

    Shapes: (..., B) -> (..., B + 1), in the unit of the range.

    >>> bin_edges(torch.tensor([0.0, 0.0]), 2.0, 10.0).tolist()
    [2.0, 6.0, 10.0]
    """
    shares = F.pad(numbers.softmax(-1).cumsum(-1), (1, 0))
    return min_depth + (max_depth - min_depth) * shares


def midpoints(edges: Tensor) -> Tensor:
    """Return the middle of every bin, (..., B + 1) -> (..., B).

    >>> midpoints(torch.tensor([2.0, 6.0, 10.0])).tolist()
    [4.0, 8.0]
    """
    return (edges[..., :-1] + edges[..., 1:]) / 2


def growing_log_widths(num_bins: int, mean: float) -> Tensor:
    """Return log widths, in arithmetic progression, of bins whose midpoints have a given mean.

    Args:
        mean: mean of the midpoints as a share of the range, in (0, 1): below 1/2 the bins grow
            with the depth. A mean that `num_bins` bins cannot have is approached.

    >>> log_widths = growing_log_widths(8, mean=0.2)
    >>> round(midpoints(bin_edges(log_widths, 0.0, 1.0)).mean().item(), 4)
    0.2
    """
    steps = torch.linspace(0, 1, num_bins, dtype=torch.float64)
    low, high = -100.0, 100.0
    for _ in range(60):
        growth = (low + high) / 2
        too_far = midpoints(bin_edges(growth * steps, 0.0, 1.0)).mean() > mean
        low, high = (growth, high) if too_far else (low, growth)
    return (growth * steps).float()


class DirectValues(nn.Module):
    """Turn one number per latent into metres by a codec.

    Args:
        channels: width of the latents.
        num_bins: number of latents.
        codec: how numbers become metres.
        initial_depth: metres around which the untrained values lie; None: the depth of raw 0.

    Returns from `forward`, for latents (N, B, channels): values (N, B), and None for the edges.
    """

    def __init__(
        self, channels: int, num_bins: int, codec: DepthCodec, initial_depth: float | None
    ) -> None:
        super().__init__()
        self.codec = codec
        self.number = nn.Linear(channels, 1)
        if initial_depth is not None:
            # Small weights, so that the bias decides where the values lie.
            nn.init.normal_(self.number.weight, std=0.01)
            nn.init.constant_(self.number.bias, codec.encode(torch.tensor(initial_depth)).item())

    def forward(self, latents: Tensor) -> tuple[Tensor, None]:
        """Return the values in metres."""
        return self.codec.decode(self.number(latents)[..., 0]), None


class AdaptiveEdges(nn.Module):
    """Turn one number per latent into the width of a bin; together the bins fill the codec's range.

    Widths are the softmax of the numbers, so that each is positive and has a gradient (the paper
    normalises a ReLU plus a constant).

    Source: Bhat et al., *AdaBins: Depth Estimation Using Adaptive Bins*, 2021.

    Args:
        channels: width of the latents.
        num_bins: number of latents.
        codec: gives the range, [min_depth, max_depth] in metres.
        initial_depth: mean of the untrained values in metres, which makes far bins wider than
            near ones, or narrower; None: equal widths.

    Returns from `forward`, for latents (N, B, channels): values (N, B) and edges (N, B + 1).
    """

    def __init__(
        self, channels: int, num_bins: int, codec: DepthCodec, initial_depth: float | None
    ) -> None:
        super().__init__()
        self.range = (codec.min_depth, codec.max_depth)
        # No bias: softmax would cancel it.
        self.number = nn.Linear(channels, 1, bias=False)
        log_widths = torch.zeros(num_bins)
        if initial_depth is not None:
            share = (initial_depth - codec.min_depth) / (codec.max_depth - codec.min_depth)
            log_widths = growing_log_widths(num_bins, share)
        self.register_buffer("log_widths", log_widths)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bins' midpoints and edges in metres."""
        edges = bin_edges(self.number(latents)[..., 0] + self.log_widths, *self.range)
        return midpoints(edges), edges
