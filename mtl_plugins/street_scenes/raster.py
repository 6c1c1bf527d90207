"""Ray casting of all primitives into a z-buffer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .camera import RayGrid
from .primitives import PrimitiveTable
from .scenery import Kind, Shape
from .shapes import STENCILS

NOTHING, GROUND, FIRST = 0, 1, 2
NEAR = 0.3
# Windows up to this many samples are cast together, larger ones one by one.
SMALL = 700
# Corners of a box, and the pairs of them that its edges join.
_CORNERS = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], float)
_EDGES = np.array([(k, k | bit) for bit in (1, 2, 4) for k in range(8) if not k & bit]).T


@dataclass
class Buffers:
    """What every ray of the grid sees first; all arrays have the grid's shape.

    ``depth`` is in metres (infinite for the sky), ``surface`` is NOTHING, GROUND or FIRST plus
    the primitive's number, ``u`` and ``v`` are surface coordinates in metres (x and y on the
    ground).
    """

    depth: np.ndarray
    surface: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "Buffers":
        """Return buffers that see nothing."""
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
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds, nearest = _windows(table, grid)
    area = (bounds[:, 1] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 2])
    alone = area > SMALL
    together = ~alone & (area > 0)
    ray = table.into @ np.stack([grid.corner, grid.across, grid.down], 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for kind in (Kind.QUAD, Kind.BALL, Kind.TUBE):
            these = np.flatnonzero(table.kind == kind)
            terms = _terms(kind, ray[these], table.origin[these], table.half[these])
            row_of = np.full(len(table.kind), -1)
            row_of[these] = np.arange(len(these))
            # From near to far, so that much of what is hidden is found to be so at once.
            singles = these[alone[these]]
            for n in singles[np.argsort(nearest[singles])].tolist():
                if not _hidden(buffers, bounds[n], nearest[n]):
                    term, look = terms[row_of[n]], table.looks[n]
                    _cast_one(kind, term, bounds[n], n, look.shape, look.cut, grid, buffers)
            crowd = these[together[these]]
            shapes = table.shape[crowd]
            cuts = np.array([(*table.looks[n].cut, 0, 0, 0)[:3] for n in crowd.tolist()])
            _cast_crowd(
                kind, terms[row_of[crowd]], bounds[crowd], crowd, shapes, cuts, grid, buffers
            )


def _windows(table: PrimitiveTable, grid: RayGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return N,4 int grid bounds (x0, x1, y0, y1), empty if unseen, and N nearest depths."""
    height, width = grid.shape
    project = grid.to_grid @ grid.rotation.T
    quads = table.kind == Kind.QUAD
    axes = table.axes.copy()
    axes[quads, :, 2] = 0
    corners = (table.centre - grid.origin)[:, None] + _CORNERS @ axes.transpose(0, 2, 1)
    image = corners @ project.T
    ahead = image[..., 2] > NEAR
    points = image[..., :2] / np.where(ahead, image[..., 2], np.nan)[..., None]
    # Reducing whole rows is much faster than reducing eight neighbours at a time.
    points = points.transpose(1, 0, 2).copy()
    low, high = np.fmin.reduce(points), np.fmax.reduce(points)
    # The exact outline of an ellipsoid from its dual quadric; its corner box is much larger.
    balls = np.flatnonzero((table.kind == Kind.BALL) & ahead.all(1))
    spread = project @ table.axes[balls]
    middle = (table.centre[balls] - grid.origin) @ project.T
    dual = middle[:, :, None] * middle[:, None] - spread @ spread.transpose(0, 2, 1)
    for k in (0, 1):
        mean = dual[:, k, 2] / dual[:, 2, 2]
        reach = np.sqrt(np.maximum(mean**2 - dual[:, k, k] / dual[:, 2, 2], 0))
        low[balls, k], high[balls, k] = mean - reach, mean + reach
    # Where the near plane cuts the outline, it begins on the edges that pass the plane.
    cut = ahead.any(1) & ~ahead.all(1)
    start, end = image[cut][:, _EDGES[0]], image[cut][:, _EDGES[1]]
    share = (NEAR - start[..., 2:]) / (end[..., 2:] - start[..., 2:])
    share[~((share > 0) & (share < 1))] = np.nan
    points = (start + share * (end - start))[..., :2] / NEAR
    low[cut] = np.fmin(low[cut], np.fmin.reduce(points, 1))
    high[cut] = np.fmax(high[cut], np.fmax.reduce(points, 1))
    # Specks smaller than a sample would only be hit by chance.
    extent = high - low
    seen = table.facing & (extent.max(1) > 1)
    seen &= extent.min(1) > np.where(table.kind == Kind.TUBE, 0.3, 0.6)
    bounds = np.stack([low[:, 0], high[:, 0] + 1, low[:, 1], high[:, 1] + 1], 1)
    bounds[~seen] = 0
    bounds = np.ceil(np.clip(bounds, 0, [width, width, height, height])).astype(np.int64)
    return bounds, np.where(cut, NEAR, image[..., 2].min(1))


def _terms(kind: int, ray: np.ndarray, origin: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return what the hit functions need of every primitive, N,11 or N,14.

    Triples are (constant, per column, per row) of functions affine in the grid's indices.
    """
    if kind == Kind.QUAD:
        # With the ray's height above the plane divided by the camera's, 1 / depth is affine.
        away = -origin[:, 2:]
        rise = ray[:, 2] / away
        u, v = (ray[:, k] + origin[:, k : k + 1] * rise for k in (0, 1))
        return np.concatenate([rise, u, v, half[:, :2]], 1).astype(np.float32)
    n = 3 if kind == Kind.BALL else 2
    along = np.einsum("ni,nij->nj", origin[:, :n], ray[:, :n])
    beyond = (origin[:, :n] ** 2).sum(1, keepdims=True) - 1
    # Single precision would swallow small shapes far away.
    return np.concatenate([ray.reshape(-1, 9), along, beyond, origin[:, 2:]], 1)


def _hidden(buffers: Buffers, bound: np.ndarray, nearest: float) -> bool:
    x0, x1, y0, y1 = bound.tolist()
    return bool(buffers.depth[y0:y1, x0:x1].max() < nearest)


def _cast_one(
    kind: int,
    term: np.ndarray,
    bound: np.ndarray,
    number: int,
    shape: int,
    cut: Sequence[float],
    grid: RayGrid,
    buffers: Buffers,
) -> None:
    """Cast the rays of a window at one primitive."""
    x0, x1, y0, y1 = bound.tolist()
    window = slice(y0, y1), slice(x0, x1)
    # What fills a large window is near enough for single precision.
    term = term.astype(np.float32)
    depth, u, v, hit = _HITS[kind](term, grid.cols[x0:x1], grid.rows[y0:y1, None], shape, cut)
    behind = buffers.depth[window]
    hit &= (depth > NEAR) & (depth < behind)
    np.copyto(behind, depth, where=hit, casting="same_kind")
    np.copyto(buffers.surface[window], number + FIRST, where=hit)
    if kind == Kind.QUAD:
        np.copyto(buffers.u[window], u, where=hit)
        np.copyto(buffers.v[window], v, where=hit)


def _cast_crowd(
    kind: int,
    terms: np.ndarray,
    bounds: np.ndarray,
    numbers: np.ndarray,
    shapes: np.ndarray,
    cuts: np.ndarray,
    grid: RayGrid,
    buffers: Buffers,
) -> None:
    """Cast the rays of many small windows at their primitives, listed one after another."""
    if not len(numbers):
        return
    order = np.argsort(shapes, kind="stable")
    terms, bounds, cuts = terms[order], bounds[order], cuts[order]
    numbers, shapes = numbers[order], shapes[order]
    wide, high = bounds[:, 1] - bounds[:, 0], bounds[:, 3] - bounds[:, 2]
    # Chunks bound the memory and stay in the cache; noise takes no longer ones.
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
        col, row = col.astype(terms.dtype), row.astype(terms.dtype)
        shape = int(shapes[part[0]])
        cut = cuts[owner].T if shape != Shape.FULL else ()
        depth, u, v, hit = _HITS[kind](terms.T.take(owner, axis=1), col, row, shape, cut)
        hit &= (depth > NEAR) & (depth < buffers.depth.reshape(-1)[where])
        kept = np.flatnonzero(hit)
        # Of several hits on a ray the nearest is stored last.
        kept = kept[np.argsort(-depth[kept])]
        where = where[kept]
        buffers.depth.reshape(-1)[where] = depth[kept]
        buffers.surface.reshape(-1)[where] = numbers[owner[kept]] + FIRST
        if kind == Kind.QUAD:
            buffers.u.reshape(-1)[where], buffers.v.reshape(-1)[where] = u[kept], v[kept]


Array = np.ndarray
Hit = tuple[Array, Array | None, Array | None, Array]


def _hit_quad(term: Array, cols: Array, rows: Array, shape: int, cut: Sequence[float]) -> Hit:
    depth = 1 / (term[0] + term[2] * rows + term[1] * cols)
    a = (term[3] + term[5] * rows + term[4] * cols) * depth
    b = (term[6] + term[8] * rows + term[7] * cols) * depth
    hit = np.maximum(np.abs(a), np.abs(b)) <= 1
    u, v = (a + 1) * term[9], (b + 1) * term[10]
    if shape != Shape.FULL:
        hit &= STENCILS[shape](a, b, u, v, cut)
    return depth, u, v, hit


def _hit_ball(term: Array, cols: Array, rows: Array, shape: int, cut: Sequence[float]) -> Hit:
    x = term[0] + term[2] * rows + term[1] * cols
    y = term[3] + term[5] * rows + term[4] * cols
    z = term[6] + term[8] * rows + term[7] * cols
    along = term[9] + term[11] * rows + term[10] * cols
    square = x * x + y * y + z * z
    root = along * along - square * term[12]
    # Where the ray misses, the root is not a number and no comparison holds.
    depth = -(along + np.sqrt(root)) / square
    hit = root >= 0
    if shape != Shape.FULL:
        u, v = depth * (x + 0.6 * y) * cut[2], (term[13] + depth * z) * cut[2]
        # Past the ray's closest approach to the centre there is none: 1 amidst, 0 on the outline.
        inside = root / square
        hit &= STENCILS[shape](inside, inside, u, v, cut)
    return depth, None, None, hit


def _hit_tube(term: Array, cols: Array, rows: Array, shape: int, cut: Sequence[float]) -> Hit:
    x = term[0] + term[2] * rows + term[1] * cols
    y = term[3] + term[5] * rows + term[4] * cols
    z = term[6] + term[8] * rows + term[7] * cols
    along = term[9] + term[11] * rows + term[10] * cols
    square = x * x + y * y
    depth = -(along + np.sqrt(along * along - square * term[12])) / square
    return depth, None, None, np.abs(term[13] + depth * z) <= 1


_HITS = {Kind.QUAD: _hit_quad, Kind.BALL: _hit_ball, Kind.TUBE: _hit_tube}


def resolve_round(
    table: PrimitiveTable, grid: RayGrid, buffers: Buffers, normals: np.ndarray
) -> None:
    """Fill in surface coordinates and H,W,3 street-frame normals of visible round primitives."""
    curved = np.concatenate([[False] * FIRST, table.kind != Kind.QUAD])
    where = np.flatnonzero(curved.take(buffers.surface))
    number = buffers.surface.reshape(-1)[where] - FIRST
    rows, cols = np.divmod(where, grid.shape[1])
    cols, rows = cols[:, None].astype(np.float32), rows[:, None].astype(np.float32)
    across, down, corner = grid.basis.T.astype(np.float32)
    offset = (corner + cols * across + rows * down) * buffers.depth.reshape(-1)[where][:, None]
    offset += (grid.origin - table.centre).astype(np.float32)[number]
    into = table.into.astype(np.float32)[number]
    local = np.einsum("nij,nj->ni", into, offset)
    local[table.kind[number] == Kind.TUBE, 2] = 0
    bent = np.einsum("nij,ni->nj", into, local)
    bent /= np.sqrt(np.einsum("ni,ni->n", bent, bent))[:, None]
    normals.reshape(-1, 3)[where] = bent
    # A slanted projection hides that the grain of a round surface is a plane's.
    buffers.u.reshape(-1)[where] = offset[:, 0] + 0.6 * offset[:, 1]
    buffers.v.reshape(-1)[where] = offset[:, 2] + 0.35 * offset[:, 1]
