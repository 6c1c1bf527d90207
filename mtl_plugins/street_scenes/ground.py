"""Ray casting and painting of the ground: road, kerbs, sidewalks and grass."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import noise
from .camera import RayGrid
from .raster import GROUND, Buffers
from .scenery import Floats, Ints, Label
from .street import Paving, Road
from .surfaces import choose

FAR = 300.0
"""Depth in metres beyond which no ground is seen."""


@dataclass
class Kerbs:
    """Flat indices of the rays that meet a kerb's upright face, and its street-frame normals."""

    where: Ints
    normals: Floats


def cast_ground(road: Road, grid: RayGrid, buffers: Buffers) -> Kerbs:
    """Fill the buffers with the ground out to 300 m; ``u, v`` become street-frame x, y."""
    side, _, height = grid.origin.tolist()
    steep = -height / FAR
    # The horizon is a straight line, so its ends give the first row that can see ground.
    edge = grid.corner[2] + np.minimum(0, grid.across[2] * grid.cols[-1])
    first = int(np.argmax(np.append(edge + grid.down[2] * grid.rows < steep, True)))
    if first == len(grid.rows):
        return Kerbs(np.zeros(0, np.int64), np.zeros((0, 3)))
    window = slice(first, None)
    up = grid.component(2, window)
    seen = up < steep
    depth = np.float32(-height) / np.where(seen, up, np.float32(steep))
    rays_x, rays_y = grid.component(0, window), grid.component(1, window)
    x, y = rays_x * depth, rays_y * depth
    # A ray meets the raised level before it meets the road level.
    ratio = (height - road.kerb) / height
    on_top = road.raised(side + x * ratio, y * ratio) > 0
    below = ~on_top & (road.raised(side + x, y) > 0) & seen
    share = choose(on_top, ratio, 1)
    rows, cols = np.nonzero(below)
    if rows.size:
        share[rows, cols] = _kerb_share(road, side, x[rows, cols], y[rows, cols], ratio)
    buffers.depth[window] = np.where(seen, depth * share, np.inf)
    buffers.surface[window] = np.where(seen, GROUND, 0)
    buffers.u[window] = side + x * share
    buffers.v[window] = y * share
    where = (rows + first) * grid.shape[1] + cols
    return Kerbs(where, _kerb_normals(road, buffers.u.flat[where], buffers.v.flat[where]))


def _kerb_share(road: Road, side: float, x: Floats, y: Floats, ratio: float) -> Floats:
    """Find by bisection at which share of the way to the road level rays pass the kerb line."""
    low, high = np.full(x.shape, ratio), np.ones(x.shape)
    for _ in range(12):
        middle = 0.5 * (low + high)
        outside = road.raised(side + x * middle, y * middle) < 0
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return high


def _kerb_normals(road: Road, x: Floats, y: Floats) -> Floats:
    x, y = x.astype(np.float64), y.astype(np.float64)
    step = 1e-3
    slope = np.zeros((x.size, 3))
    slope[:, 0] = road.raised(x - step, y) - road.raised(x + step, y)
    slope[:, 1] = road.raised(x, y - step) - road.raised(x, y + step)
    return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)


def _band(x: Floats, half: float, blur: Floats) -> Floats:
    """Return the coverage of the stripe |x| < half by samples of size ``blur``."""
    return np.clip((half - np.abs(x)) / blur + 0.5, 0, 1) * np.minimum(1, 2 * half / blur)


def paint_ground(
    road: Road,
    paving: Paving,
    x: Floats,
    y: Floats,
    depth: Floats,
    grid: RayGrid,
    coarse: Floats,
    fine: Floats,
) -> tuple[NDArray[np.uint8], Floats]:
    """Return the labels (N uint8) and reflectances (N,3) of ground points.

    ``x, y`` are street-frame metres, ``coarse`` and ``fine`` noise in -1..1 at the points.
    """
    away = road.raised(x, y)
    left, right = road.sides
    s = road.offset(x, y)
    verge = choose(s < 0, left.verge, right.verge)
    width = choose(s < 0, left.width, right.width)
    paved = np.where(s < 0, left.paved, right.paved)
    # Kerb faces sit exactly on the border: they belong to the raised side.
    road_mask = away < -1e-3
    walk_mask = ~road_mask & ((away < 0.25) | (away > verge)) & (paved | (away < width))
    labels = np.full(x.shape, Label.TERRAIN, np.uint8)
    labels[walk_mask], labels[road_mask] = Label.SIDEWALK, Label.ROAD

    size = depth * np.float32(grid.spread)
    stretch = size * np.minimum(depth / float(grid.origin[2]), 25)
    colour = np.empty((x.size, 3), np.float32)
    tone = np.where(road_mask, 1 + 0.16 * coarse + 0.1 * fine, 1 + 0.12 * coarse + 0.12 * fine)

    # Indexing by numbers is much faster than by a mask, especially for rows of three.
    on_grass = np.flatnonzero(~road_mask & ~walk_mask)
    on_road, on_walk = np.flatnonzero(road_mask), np.flatnonzero(walk_mask)
    worn = np.clip(0.5 + 1.3 * coarse[on_grass], 0, 1)[:, None]
    soil = np.array(paving.walk) * (0.55, 0.75, 0.85)
    turf = np.array(paving.grass, np.float32)
    colour[on_grass] = turf + (soil.astype(np.float32) * 0.55 - turf * 0.55) * worn
    tone[on_grass] = 1 + 0.45 * fine[on_grass]

    across, along = x[on_walk], y[on_walk]
    slab = paving.slab
    joint = np.maximum(
        _band(noise.repeat(across, slab) - 0.5 * slab, 0.012, size[on_walk]),
        _band(noise.repeat(along, slab) - 0.5 * slab, 0.012, stretch[on_walk]),
    )
    cells = noise.scatter(
        np.floor(across / slab).astype(np.int32), np.floor(along / slab).astype(np.int32)
    )
    visible = np.clip(2 - stretch[on_walk] / slab * 3, 0, 1)
    stone = 1 - 0.35 * joint + (cells - 0.5) * 0.18 * visible
    stone += 0.12 * (away[on_walk] < 0.25)
    colour[on_walk] = stone[:, None] * np.array(paving.walk, np.float32)

    points = s[on_road], y[on_road], away[on_road]
    paint, rails = _markings(road, paving, points, size[on_road], stretch[on_road])
    patched = coarse[on_road] > 1 - paving.patches
    wear = 1 - np.float32(0.22) * patched - 0.6 * rails
    asphalt = wear[:, None] * np.array(paving.asphalt, np.float32)
    paint *= np.clip(0.85 + 0.5 * fine[on_road], 0, 1)
    asphalt += (np.array((0.78, 0.8, 0.8), np.float32) - asphalt) * paint[:, None]
    colour[on_road] = asphalt
    return labels, colour * tone[:, None]


def _markings(
    road: Road, paving: Paving, points: tuple[Floats, Floats, Floats], size: Floats, long: Floats
) -> tuple[Floats, Floats]:
    """Return the coverage of road points by white paint and by steel rails.

    ``points`` are offset, y and distance from the kerb; ``size`` and ``long`` are the metres that
    a sample covers across and along the view.
    """
    s, y, away = points
    paint: Floats = np.zeros(s.shape, np.float32)
    rails: Floats = np.zeros(s.shape, np.float32)
    open_road = np.ones(s.shape, bool)
    # Lines are interrupted where no kerb runs alongside.
    if road.crossing is not None:
        open_road = np.abs(y - road.crossing) > road.crossing_half_width + 3.5
        if road.ends:
            open_road &= y < road.crossing
    for offset, period in paving.lines:
        line = _band(s - offset, 0.075, size) * open_road
        if period:
            line *= _band(noise.repeat(y, period) - period / 2, period / 5, long)
        paint = np.maximum(paint, line)
    for where in paving.zebras:
        strip = _band(y - where, 1.6, long) * (away < -0.3)
        bars = _band(noise.repeat(s, 1.0) - 0.5, 0.25, size)
        paint = np.maximum(paint, strip * bars)
    for middle in paving.rails:
        rails = np.maximum(rails, _band(np.abs(s - middle) - 0.72, 0.05, size))
    return paint, rails
