"""Bilinear resizing of maps: whole, or a few rows at a time."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps bilinearly with pixel centres aligned (`align_corners=False`).

    Shapes: (N, C, h, w) -> (N, C, *size). Maps that have the size already are returned as they are.

    >>> resize(torch.tensor([[[[0.0, 1.0]]]]), (1, 4)).flatten().tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def enlarged_rows(maps: Tensor, factor: int, rows: range) -> Tensor:
    """Return some rows of maps enlarged by a whole factor, without computing the others.

    Equal to `resize(maps, (factor * h, factor * w))[:, :, rows]`, bit for bit where the factor is
    a power of two.

    Shapes: (N, C, h, w) -> (N, C, len(rows), factor * w).

    >>> maps = torch.rand(1, 1, 5, 3)
    >>> torch.equal(enlarged_rows(maps, 4, range(7, 11)), resize(maps, (20, 12))[:, :, 7:11])
    True
    """
    # A row needs the source rows on both sides of it, because a piece must not be padded at its
    # own edges.
    first = max(rows.start // factor - 1, 0)
    last = min((rows.stop - 1) // factor + 2, maps.shape[2])
    piece = maps[:, :, first:last]
    piece = resize(piece, (factor * piece.shape[2], factor * piece.shape[3]))
    return piece[:, :, rows.start - factor * first : rows.stop - factor * first]


def source_rows(rows: range, height: int, new_height: int) -> range:
    """Return the rows of a map of `height` that `rows` of the map resized to `new_height` need.

    >>> source_rows(range(0, 2), 4, 8), source_rows(range(3, 4), 4, 8)
    (range(0, 2), range(1, 3))
    """
    if height == new_height:
        return rows
    first = (rows.start + 0.5) * height / new_height - 0.5
    last = (rows.stop - 0.5) * height / new_height - 0.5
    return range(max(int(first), 0), min(int(max(last, 0)) + 2, height))


def resized_rows(
    piece: Tensor, held: range, height: int, rows: range, size: tuple[int, int]
) -> Tensor:
    """Return some rows of maps resized to `size`, given only the source rows that they need.

    Args:
        piece: (N, C, len(held), w), the rows `held` of maps with `height` rows (`source_rows`).
        rows: rows of the result.
        size: height and width that the whole maps are resized to.

    Shapes: -> (N, C, len(rows), size[1]); the result does not depend on how it is cut into rows.
    """
    if height != size[0]:
        centres = torch.arange(rows.start, rows.stop, dtype=torch.float64, device=piece.device)
        places = ((centres + 0.5) * (height / size[0]) - 0.5).clamp(0, height - 1)
        above = places.long()
        below = (above + 1).clamp(max=height - 1)
        share = (places - above).to(piece.dtype)[:, None]
        first = held.start
        piece = torch.lerp(piece[:, :, above - first], piece[:, :, below - first], share)
    return resize(piece, (piece.shape[2], size[1]))
