"""Adaptive pooling in operations that every format has."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.export import ExportedProgram

POOLING = (
    torch.ops.aten.adaptive_avg_pool2d.default,
    torch.ops.aten._adaptive_avg_pool2d.default,
)


def average_cells(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Average maps over the cells of a grid, as `adaptive_avg_pool2d`, by two matrix products.

    ONNX has no such pooling, and what it is usually translated to holds for one size alone.

    Shapes: (..., H, W) -> (..., *size).

    >>> x = torch.rand(2, 3, 7, 10)
    >>> pooled = torch.nn.functional.adaptive_avg_pool2d(x, (3, 4))
    >>> torch.allclose(average_cells(x, (3, 4)), pooled)
    True
    """
    rows, columns = (
        _cell_weights(side, cells, maps) for side, cells in zip(maps.shape[-2:], size, strict=True)
    )
    return rows @ maps @ columns.mT


def without_pooling(program: ExportedProgram) -> ExportedProgram:
    """Return a program with every adaptive pooling replaced by `average_cells`."""
    if not any(node.target in POOLING for node in program.graph.nodes):
        return program
    return program.run_decompositions(dict.fromkeys(POOLING, average_cells))


def _cell_weights(side: int, cells: int, like: Tensor) -> Tensor:
    """Return each pixel's weight in the mean of each cell, (cells, side).

    Cell i reaches from floor(i * side / cells) up to ceil((i + 1) * side / cells).
    """
    pixel = torch.arange(side, device=like.device)
    cell = torch.arange(cells, device=like.device)[:, None]
    start = cell * side // cells
    end = ((cell + 1) * side + cells - 1) // cells
    inside = ((pixel >= start) & (pixel < end)).to(like.dtype)
    return inside / (end - start).to(like.dtype)
