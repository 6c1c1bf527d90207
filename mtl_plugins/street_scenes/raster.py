"""Ray casting of all primitives into a z-buffer."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .camera import RayGrid
from .primitives import NEAR, PrimitiveTable
from .scenery import Bools, Floats, Ints, Kind, Shape
from .surfaces import STENCILS, Cut

NOTHING, GROUND, FIRST = 0, 1, 2
SMALL = 700
"""Windows up to this many samples are cast together, larger ones one by one."""


@dataclass
class Buffers:
    """The nearest surface on every ray of the grid; all arrays have the grid's shape.

    ``depth`` is in metres (infinite for the sky), ``surface`` is NOTHING, GROUND or FIRST plus
    the primitive's number, ``u`` and ``v`` are surface coordinates in metres (x and y on the
    ground).
    """

    depth: NDArray[np.float32]
    surface: NDArray[np.int32]
    u: NDArray[np.float32]
    v: NDArray[np.float32]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "Buffers":
        """Return buffers in which every ray sees the sky."""
        return cls(
            np.full(shape, np.inf, np.float32),
            np.zeros(shape, np.int32),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
        )


def cast(table: PrimitiveTable, grid: RayGrid, buffers: Buffers) -> None:
    """Draw every primitive into the buffers where it is the nearest surface.

    The surface coordinates of round primitives are left to ``resolve_round``.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bounds, nearest = table.windows(grid)
        area = (bounds[:, 1] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 2])
        rays = table.into @ np.stack([grid.corner, grid.across, grid.down], 1)
        for kind in (Kind.QUAD, Kind.BALL, Kind.TUBE):
            these = np.flatnonzero(table.kind == kind)
            terms = table.terms(kind, these, rays)
            alone = np.flatnonzero(area[these] > SMALL)
            # From near to far, so that many hidden primitives are skipped.
            for k in alone[np.argsort(nearest[these[alone]])].tolist():
                n = int(these[k])
                x0, x1, y0, y1 = bounds[n].tolist()
                window = slice(y0, y1), slice(x0, x1)
                if buffers.depth[window].max() >= nearest[n]:
                    _cast_one(table, kind, n, terms[k], window, grid, buffers)
            crowd = np.flatnonzero((area[these] > 0) & (area[these] <= SMALL))
            if len(crowd):
                numbers = these[crowd]
                _cast_crowd(table, kind, numbers, terms[crowd], bounds[numbers], grid, buffers)


def _cast_one(
    table: PrimitiveTable,
    kind: int,
    number: int,
    term: Floats,
    window: tuple[slice, slice],
    grid: RayGrid,
    buffers: Buffers,
) -> None:
    """Cast the rays of a window at one primitive."""
    look = table.looks[number]
    rows, cols = grid.rows[window[0], None], grid.cols[window[1]]
    # Single precision suffices for primitives that fill a large window.
    term = term.astype(np.float32)
    depth, hit, on_surface = _HITS[kind](term, cols, rows, look.shape, look.cut)
    behind = buffers.depth[window]
    hit &= (depth > NEAR) & (depth < behind)
    np.copyto(behind, depth, where=hit, casting="same_kind")
    np.copyto(buffers.surface[window], number + FIRST, where=hit)
    if on_surface:
        np.copyto(buffers.u[window], on_surface[0], where=hit)
        np.copyto(buffers.v[window], on_surface[1], where=hit)


def _cast_crowd(
    table: PrimitiveTable,
    kind: int,
    numbers: Ints,
    terms: Floats,
    bounds: Ints,
    grid: RayGrid,
    buffers: Buffers,
) -> None:
    """Cast the rays of many small windows at their primitives, listed one after another."""
    order = np.argsort(table.shape[numbers], kind="stable")
    numbers, terms, bounds = numbers[order], terms[order], bounds[order]
    shapes = table.shape[numbers]
    cuts = np.array([(*table.looks[n].cut, 0, 0, 0)[:3] for n in numbers.tolist()])
    wide, high = bounds[:, 1] - bounds[:, 0], bounds[:, 3] - bounds[:, 2]
    # Chunks bound the memory, fit the cache and are short enough for `noise.sample`.
    sizes = np.cumsum(wide * high)
    chunk = sizes // 30_000 * 100 + shapes
    for part in np.split(np.arange(len(order)), np.flatnonzero(np.diff(chunk)) + 1):
        area = wide[part] * high[part]
        owner = np.repeat(part, area)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(area) - area, area)
        row, col = np.divmod(within, wide[owner])
        col += bounds[owner, 0]
        row += bounds[owner, 2]
        where = row * grid.shape[1] + col
        shape = int(shapes[part[0]])
        cut: Cut = cuts[owner].T if shape != Shape.FULL else ()
        term = terms.T.take(owner, axis=1)
        depth, hit, on_surface = _HITS[kind](
            term, col.astype(term.dtype), row.astype(term.dtype), shape, cut
        )
        hit &= (depth > NEAR) & (depth < buffers.depth.reshape(-1)[where])
        kept = np.flatnonzero(hit)
        # Of several hits on a ray the nearest is stored last.
        kept = kept[np.argsort(-depth[kept])]
        where = where[kept]
        buffers.depth.reshape(-1)[where] = depth[kept]
        buffers.surface.reshape(-1)[where] = numbers[owner[kept]] + FIRST
        if on_surface:
            buffers.u.reshape(-1)[where] = on_surface[0][kept]
            buffers.v.reshape(-1)[where] = on_surface[1][kept]


class Hit(NamedTuple):
    """Depths of a primitive on some rays, which rays hit it, and its surface coordinates there.

    ``on_surface`` is (u, v) in metres, and None for round primitives.
    """

    depth: Floats
    hit: Bools
    on_surface: tuple[Floats, Floats] | None


def _affine(term: Floats, first: int, cols: Floats, rows: Floats) -> Floats:
    """Evaluate the triple of terms that begins at ``first``."""
    return term[first] + term[first + 2] * rows + term[first + 1] * cols


def _hit_quad(term: Floats, cols: Floats, rows: Floats, shape: int, cut: Cut) -> Hit:
    depth = 1 / _affine(term, 0, cols, rows)
    a = _affine(term, 3, cols, rows) * depth
    b = _affine(term, 6, cols, rows) * depth
    hit = np.maximum(np.abs(a), np.abs(b)) <= 1
    u, v = (a + 1) * term[9], (b + 1) * term[10]
    if shape != Shape.FULL:
        hit &= STENCILS[shape](a, b, u, v, cut)
    return Hit(depth, hit, (u, v))


def _hit_ball(term: Floats, cols: Floats, rows: Floats, shape: int, cut: Cut) -> Hit:
    x, y, z, along = (_affine(term, first, cols, rows) for first in (0, 3, 6, 9))
    square = x * x + y * y + z * z
    root = along * along - square * term[12]
    # Where the ray misses, the square root is NaN and every comparison is false.
    depth = -(along + np.sqrt(root)) / square
    hit = root >= 0
    if shape != Shape.FULL:
        u, v = depth * (x + 0.6 * y) * cut[2], (term[13] + depth * z) * cut[2]
        # 1 where the ray passes through the centre, 0 on the outline.
        inside = root / square
        hit &= STENCILS[shape](inside, inside, u, v, cut)
    return Hit(depth, hit, None)


def _hit_tube(term: Floats, cols: Floats, rows: Floats, shape: int, cut: Cut) -> Hit:
    x, y, z, along = (_affine(term, first, cols, rows) for first in (0, 3, 6, 9))
    square = x * x + y * y
    depth = -(along + np.sqrt(along * along - square * term[12])) / square
    return Hit(depth, np.abs(term[13] + depth * z) <= 1, None)


_HITS = {Kind.QUAD: _hit_quad, Kind.BALL: _hit_ball, Kind.TUBE: _hit_tube}


def resolve_round(table: PrimitiveTable, grid: RayGrid, buffers: Buffers, normals: Floats) -> None:
    """Fill in surface coordinates and H,W,3 street-frame normals of visible round primitives."""
    curved = np.concatenate([[False] * FIRST, table.kind != Kind.QUAD])
    where = np.flatnonzero(curved.take(buffers.surface))
    number = buffers.surface.reshape(-1)[where] - FIRST
    row, col = np.divmod(where, grid.shape[1])
    cols, rows = col[:, None].astype(np.float32), row[:, None].astype(np.float32)
    across, down, corner = grid.basis.T.astype(np.float32)
    offset = (corner + cols * across + rows * down) * buffers.depth.reshape(-1)[where][:, None]
    offset += (grid.origin - table.centre).astype(np.float32)[number]
    into = table.into.astype(np.float32)[number]
    local = np.einsum("nij,nj->ni", into, offset)
    local[table.kind[number] == Kind.TUBE, 2] = 0
    bent = np.einsum("nij,ni->nj", into, local)
    bent /= np.sqrt(np.einsum("ni,ni->n", bent, bent))[:, None]
    normals.reshape(-1, 3)[where] = bent
    # Round surfaces get the noise of a plane; the slant keeps that from showing.
    buffers.u.reshape(-1)[where] = offset[:, 0] + 0.6 * offset[:, 1]
    buffers.v.reshape(-1)[where] = offset[:, 2] + 0.35 * offset[:, 1]
