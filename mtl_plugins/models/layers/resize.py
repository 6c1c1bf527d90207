"""Bilinear resizing of maps, the one way in which the toolkit does it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize maps bilinearly with pixel centres aligned (`align_corners=False`).

    Shapes: (N, C, h, w) -> (N, C, *size). Nothing is computed where the size is right already.

    >>> import torch
    >>> resize(torch.tensor([[[[0.0, 1.0]]]]), (1, 4)).flatten().tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
