"""Metric depth by attention to adaptive bins."""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ConfigError
from ..layers import TransformerBlock, attended_mean
from .depth_head import DepthCodec, DepthHead
from .loss_trial import build_loss
from .task_head import loss_key


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

    The untrained values lie around `initial_depth`, or at the depth of raw 0.

    Shapes: latents (N, num_bins, channels) -> values (N, num_bins) in metres, and None for edges.
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
        return self.codec.decode(self.number(latents)[..., 0]), None


class AdaptiveEdges(nn.Module):
    """Turn one number per latent into the width of a bin; together the bins fill the codec's range.

    Widths are the softmax of the numbers, so that each is positive and has a gradient (the paper
    normalises a ReLU plus a constant).

    Source: Bhat et al., *AdaBins: Depth Estimation Using Adaptive Bins*, 2021.

    The mean of the untrained values is `initial_depth`, which makes far bins wider than near ones,
    or narrower; None: equal widths.

    Shapes: latents (N, B, channels) -> values (N, B) and edges (N, B + 1) in metres.
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
        edges = bin_edges(self.number(latents)[..., 0] + self.log_widths, *self.range)
        return midpoints(edges), edges


VALUES = dict(direct=DirectValues, adabins=AdaptiveEdges)
LONGEST_GRID = 4
"""Largest ratio of columns to rows in a grid that is chosen for a number of bins."""


class BinsPrediction(NamedTuple):
    """Depth and the bins that it is a mean of, all in metres, float32.

    `depth` N,1,h,w; `values` N,B, the depth of each bin; `edges` N,B+1, increasing,
    or None where bins have none.
    """

    depth: Tensor
    values: Tensor
    edges: Tensor | None


@MODELS.register_module()
class AttentionBinsHead(DepthHead):
    r"""Predict depth as a weighted mean of depths that are chosen for each image.

    The feature map, averaged over the cells of a grid, gives one latent $z_b$ for each bin.
    Transformer blocks mix the latents, and each then gives a depth $d_b$. A pixel's depth is
    $\sum_b p_b d_b$ with $p = \mathrm{softmax}_b(q \cdot z_b)$, where $q$ is a 3x3 convolution of
    the features.

    Source: after Bhat et al., *AdaBins: Depth Estimation Using Adaptive Bins*, 2021.

    Args:
        num_bins: number of bins, at least 2; default: the cells of `grid`, or 64. Without `grid`,
            the grid is the most square one of this many cells.
        grid: cells (rows, columns) over which the features are averaged; needed for a number of
            bins that only a long grid has.
        values: 'direct': a codec turns each latent's number into metres; 'adabins': the numbers
            are widths of bins that fill the codec's range, and midpoints are their depths.
        codec: one of `DepthHead`'s; also bounds the depth; losses in 'raw' space compare
            `codec.encode` of the depths.
        channels: width of latents and queries.
        num_blocks: number of transformer blocks.
        positions: whether each block adds a learned position of the latents to its queries.
        transformer: further arguments of `TransformerBlock`.
        loss: one of the depth losses, or a list.
        bins_loss: loss of the bins' values against the depths of an image: `BinsChamferLoss`.
        initial_depth: metres around which the untrained head predicts, inside the codec's range.

    Shapes: features (N, in_channels, h, w) -> `BinsPrediction`; its raw map is the depth, metres.

    Raises:
        ConfigError: `num_bins` and `grid` contradict each other or make fewer than two bins or a
            long grid, `values` is unknown, `initial_depth` is outside the codec's range, or a loss
            does not compare depths.

    >>> head = AttentionBinsHead(4, num_bins=6, channels=8, initial_depth=10.0)
    >>> head.grid, head(torch.zeros(2, 4, 8, 16)).depth.shape
    ((2, 3), torch.Size([2, 1, 8, 16]))
    """

    def __init__(
        self,
        in_channels: int,
        num_bins: int | None = None,
        grid: Sequence[int] | None = None,
        values: str = "direct",
        codec: dict | None = None,
        channels: int = 128,
        num_blocks: int = 4,
        positions: bool = True,
        transformer: dict | None = None,
        loss: dict | Sequence[dict] | None = None,
        bins_loss: dict | None = None,
        initial_depth: float | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, codec, loss, dropout=dropout, init_cfg=init_cfg)
        low, high = self.codec.min_depth, self.codec.max_depth
        if initial_depth is not None and not low < initial_depth < high:
            raise ConfigError(
                f"AttentionBinsHead: initial_depth={initial_depth}; expected metres between the "
                f"codec's min_depth={low} and max_depth={high}."
            )
        if values not in VALUES:
            raise ConfigError(f"AttentionBinsHead: values={values!r}; choose from {list(VALUES)}.")
        self.grid = _checked_grid(num_bins, grid)
        num_bins = self.grid[0] * self.grid[1]
        self.embed = nn.Linear(in_channels, channels)
        options = dict(transformer or {}, num_positions=num_bins if positions else 0)
        self.blocks = nn.Sequential(
            *(TransformerBlock(channels, **options) for _ in range(num_blocks))
        )
        self.values = VALUES[values](channels, num_bins, self.codec, initial_depth)
        self.queries = nn.Conv2d(in_channels, channels, 3, padding=1)
        # Queries and bins replace it, and DDP stops at a parameter without gradient.
        del self.predict
        self.bins_loss = None if bins_loss is None else build_loss(bins_loss, self)

    def forward(self, features: Tensor) -> BinsPrediction:
        queries, latents = self._attention(self.dropout(features))
        # In half precision metres would be off by a percent, and probabilities by more.
        with torch.autocast(features.device.type, enabled=False):
            values, edges = self.values(latents)
            depth = attended_mean(queries, latents, values)
        return BinsPrediction(depth[:, None].unflatten(2, features.shape[2:]), values, edges)

    def distribution(self, features: Tensor) -> Tensor:
        """Return each pixel's probabilities of the bins, N,B,h,w float32, for pictures."""
        queries, latents = self._attention(features)
        with torch.autocast(features.device.type, enabled=False):
            return (latents @ queries.mT).softmax(1).unflatten(2, features.shape[2:])

    def _attention(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pixels' queries N,hw,C and the bins' latents N,B,C, both float32."""
        cells = F.adaptive_avg_pool2d(features, self.grid).flatten(2).mT
        latents = self.blocks(self.embed(cells))
        return self.queries(features).flatten(2).mT.float(), latents.float()

    def to_map(self, stage: BinsPrediction) -> Tensor:
        return stage.depth

    def stage_losses(
        self, stage: BinsPrediction, truth: Tensor, size: tuple[int, int]
    ) -> dict[str, Tensor]:
        losses = super().stage_losses(stage, truth, size)
        if self.bins_loss is not None:
            valid = self.target.known_pixels(truth)
            losses[loss_key(self.bins_loss)] = self.bins_loss(stage.values, truth, valid)
        return losses

    def trial_stage(self, raw: Tensor) -> BinsPrediction:
        values = torch.linspace(self.codec.min_depth, self.codec.max_depth, 4, device=raw.device)
        return BinsPrediction(raw, values.expand(len(raw), -1).requires_grad_(), None)

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of metres N,1,H,W against metres N,1,H,W (0: not measured)."""
        valid = self.target.known_pixels(truth)
        raw = raw.where(valid, raw.new_ones(()))
        return self._losses_in_spaces(raw, self.codec.encode(raw), truth, valid)

    def decode(self, raw: Tensor) -> Tensor:
        return raw.clamp(self.codec.min_depth, self.codec.max_depth)


def _checked_grid(num_bins: int | None, grid: Sequence[int] | None) -> tuple[int, int]:
    """Return the given grid, or the most square one of `num_bins` cells."""
    if grid is None:
        cells = 64 if num_bins is None else num_bins
        rows = next((side for side in range(isqrt(max(cells, 0)), 0, -1) if cells % side == 0), 1)
        grid = (rows, cells // rows)
        if grid[1] > LONGEST_GRID * rows:
            raise ConfigError(
                f"AttentionBinsHead: num_bins={cells} makes only a grid of {rows} x {grid[1]} "
                "cells, so that each bin sees a thin strip of the image. Choose a number with "
                f"factors closer to each other (64, 96), or set grid=({rows}, {grid[1]})."
            )
    rows, columns = grid
    if rows < 1 or columns < 1 or rows * columns < 2:
        raise ConfigError(
            f"AttentionBinsHead: num_bins={num_bins}, grid={tuple(grid)}; expected at least 2 "
            "bins, since one alone gives all pixels the same depth."
        )
    if num_bins not in (None, rows * columns):
        raise ConfigError(
            f"AttentionBinsHead: num_bins={num_bins}, but grid={tuple(grid)} has "
            f"{rows * columns} cells. Leave out one of the two."
        )
    return rows, columns
