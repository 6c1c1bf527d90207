"""Surfaces of primitives: which part of them exists (stencils) and what is painted on it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import noise
from .scenery import Bools, Floats, Look, Material, Shape

Cut = Sequence[float] | Floats
"""Parameters of a stencil; of many primitives at once, one row a parameter and one column a ray."""
Stencil = Callable[[Floats, Floats, Floats, Floats, Cut], Bools]
"""Maps surface coordinates and parameters (a, b, u, v, cut) to a mask of the part that exists.

``a`` and ``b`` run over -1..1 across the primitive; ``u`` and ``v`` are metres from its lower left
corner.
"""

# Frame of a bicycle of 1.75 m x 1.05 m: tubes from point to point and their half thickness.
_HUBS = ((0.34, 0.34), (1.40, 0.34))
# Squared radius of the tyres and half the span of squares they cover: 0.265 m to 0.335 m.
_RIM, _RIM_HALF = 0.0912, 0.021
_TUBES = (
    ((0.34, 0.34), (0.58, 0.86)),
    ((0.34, 0.34), (0.78, 0.32)),
    ((0.78, 0.32), (0.58, 0.90)),
    ((0.78, 0.32), (1.20, 0.80)),
    ((0.60, 0.78), (1.20, 0.82)),
    ((1.40, 0.34), (1.18, 0.98)),
    ((1.10, 1.00), (1.24, 0.98)),
    ((0.46, 0.93), (0.70, 0.93)),
)


def _mesh(a: Floats, b: Floats, u: Floats, v: Floats, cut: Cut) -> Bools:
    """Wire mesh: ``cut`` is its period and wire width in metres."""
    return (
        (noise.repeat(u, cut[0]) < cut[1]) | (noise.repeat(v, cut[0]) < cut[1]) | (np.abs(b) > 0.95)
    )


def _bicycle(a: Floats, b: Floats, u: Floats, v: Floats, cut: Cut) -> Bools:
    solid = np.zeros(a.shape, bool)
    for x, y in _HUBS:
        solid |= np.abs((u - x) ** 2 + (v - y) ** 2 - _RIM) < _RIM_HALF
    for (x0, y0), (x1, y1) in _TUBES:
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        solid |= (u - x0 - along * dx) ** 2 + (v - y0 - along * dy) ** 2 < 0.034**2
    return solid


STENCILS: dict[int, Stencil] = {
    Shape.DISC: lambda a, b, u, v, cut: a * a + b * b <= 1,
    Shape.TRIANGLE: lambda a, b, u, v, cut: np.abs(a) <= 0.5 * (1 - b),
    Shape.OCTAGON: lambda a, b, u, v, cut: np.abs(a) + np.abs(b) <= 1.414,
    # Trapezium: `cut` is how far the upper left and right corners are moved inwards.
    Shape.TAPER: lambda a, b, u, v, cut: (
        (a >= -1 + cut[0] * (0.5 * (b + 1))) & (a <= 1 - cut[1] * (0.5 * (b + 1)))
    ),
    # Upright pickets: `cut` is their period and width in metres.
    Shape.PICKETS: lambda a, b, u, v, cut: (
        (noise.repeat(u, cut[0]) < cut[1]) | (np.abs(np.abs(b) - 0.72) < 0.07)
    ),
    Shape.MESH: _mesh,
    # Horizontal rails: `cut` is their period and width in metres and the period of the posts.
    Shape.RAILS: lambda a, b, u, v, cut: (
        (noise.repeat(v, cut[0]) > cut[0] - cut[1]) | (noise.repeat(u, cut[2]) < 0.09)
    ),
    Shape.BICYCLE: _bicycle,
    # Foliage, thinner towards the outline, where `a` is 0 (1 at the centre): `cut` is the density,
    # a seed and the radius in metres.
    Shape.LEAVES: lambda a, b, u, v, cut: (
        noise.sample(u * 34 + cut[1], v * 34) < cut[0] * np.minimum(1, 0.1 + 2.2 * a)
    ),
}


class Points(NamedTuple):
    """N points on a primitive's surface.

    ``u`` and ``v`` are metres from the surface's lower left corner, ``size`` the metres a sample
    covers, ``grain`` noise in -1..1.
    """

    u: Floats
    v: Floats
    size: Floats
    grain: Floats


Pattern = Callable[[Look, Points], Floats]
"""Maps points to their N,3 BGR reflectances."""


def coverage(x: Floats, half: float | Floats, size: Floats) -> Floats:
    """Return the share of the stripe |x| < half in samples of ``size`` metres."""
    # `np.clip` takes several times as long on a few points.
    return np.minimum(np.maximum((half - np.abs(x)) / size + 0.5, 0), 1)


def choose(where: Bools, here: float, elsewhere: float) -> NDArray[np.float32]:
    """Return ``here`` where the mask is true, and else ``elsewhere``, in single precision."""
    return np.where(where, np.float32(here), np.float32(elsewhere))


def _mix(base: Floats, other: Floats | Sequence[float], share: Floats) -> Floats:
    return base + (np.asarray(other, np.float32) - base) * share[:, None]


def _plain(look: Look, at: Points) -> NDArray[np.float32]:
    return np.tile(np.array(look.colour, np.float32), (at.u.size, 1))


def _glass(look: Look, at: Points) -> Floats:
    """Paint dark panes that mirror vague, brighter surroundings towards their top."""
    mirrored = np.clip(0.25 + 0.35 * at.v + 0.5 * at.grain, 0, 1)[:, None]
    return np.array(look.colour, np.float32) + mirrored * np.array((0.24, 0.21, 0.19), np.float32)


def _blocks(look: Look, at: Points) -> Floats:
    """Paint masonry of ``params`` = (block length, course height) metres."""
    length, course = look.params[:2]
    row = np.floor(at.v / course)
    shifted = at.u / length + 0.5 * noise.repeat(row, 2)
    joint = np.maximum(
        coverage((noise.repeat(at.v / course, 1) - 0.5) * course, 0.012, at.size),
        coverage((noise.repeat(shifted, 1) - 0.5) * length, 0.012, at.size),
    ) * np.clip(course / at.size / 4, 0, 1)
    stone = noise.scatter(np.floor(shifted).astype(np.int32), row.astype(np.int32))
    tone = 1 - 0.35 * joint + 0.35 * (stone - 0.5) * np.clip(course / at.size - 0.5, 0, 1)
    return tone[:, None] * np.array(look.colour, np.float32)


def _facade(look: Look, at: Points) -> Floats:
    """Paint storeys of windows, with shops or doors on the ground floor.

    ``params`` = (bay, storey, window width and height as shares of them, has shops, share of lit
    windows, a seed, is brick, shop colour).
    """
    bay, storey, wide, tall, shop, lit, seed, brick = look.params[:8]
    base = _blocks(look._replace(params=(0.25, 0.09)), at) if brick else _plain(look, at)
    column, floor = np.floor(at.u / bay), np.floor(at.v / storey)
    x, y = (at.u / bay - column - 0.5) * bay, (at.v / storey - floor - 0.5) * storey
    street = floor == 0
    column, floor = column.astype(np.int32), floor.astype(np.int32)
    chance = noise.scatter(column + int(seed), floor * 3 + int(seed * 7))
    if shop:
        base = _mix(base, look.params[8:11], street.astype(np.float32))
        half_x = choose(street, 0.44 * bay, 0.5 * wide * bay)
        half_y = choose(street, 0.36 * storey, 0.5 * tall * storey)
    else:
        # Every few bays a door reaches down to the ground.
        door = street & ((column + int(seed)) % 4 == 0)
        half_x = choose(door, 0.5, 0.5 * wide * bay)
        half_y = choose(door, 0.4 * storey, 0.5 * tall * storey)
        y = np.where(door, y + 0.1 * storey, y)
    frame = coverage(x, half_x + 0.09, at.size) * coverage(y, half_y + 0.09, at.size)
    pane = coverage(x, half_x, at.size) * coverage(y, half_y, at.size)
    bars = np.maximum(coverage(x, 0.03, at.size), coverage(y - 0.2 * half_y, 0.025, at.size))
    pane *= 1 - bars * np.clip(0.06 / at.size, 0, 1) * ~street
    trim = np.array(look.colour, np.float32)
    trim = np.clip(trim * 1.35 + 0.05, 0, 0.85) if trim.mean() < 0.4 else trim * 0.7
    base = _mix(base, trim, frame)
    shine = 0.05 + 0.22 * chance + 0.12 * np.clip(y / storey + at.grain, -0.4, 0.6)
    glass = shine[:, None] * np.array((1.08, 1.0, 0.94), np.float32)
    bright = (chance > 1 - lit)[:, None]
    glass = np.where(bright, np.array((0.45, 0.75, 0.95), np.float32), glass)
    return base + (glass - base) * pane[:, None]


def _coach(look: Look, at: Points) -> Floats:
    """Paint the side of a bus or tram: ``params`` = (sill, window top, pitch, stripe colour)."""
    low, high, pitch = look.params[:3]
    base = _mix(_plain(look, at), look.params[3:6], coverage(at.v - 0.3, 0.25, at.size))
    cell = np.floor(at.u / pitch)
    x = np.abs(at.u - (cell + 0.5) * pitch)
    door = cell.astype(np.int32) % 4 == 1
    bottom = choose(door, 0.15, low)
    middle, half = (bottom + high) / 2, (high - bottom) / 2
    pane = coverage(x, 0.5 * pitch - 0.06, at.size) * coverage(at.v - middle, half, at.size)
    pane *= 1 - door * coverage(x, 0.04, at.size)
    glass = _glass(look._replace(colour=(0.06, 0.055, 0.05)), at._replace(v=at.v * 0.3))
    return base + (glass - base) * pane[:, None]


def _panel(look: Look, at: Points) -> Floats:
    """Paint ribbed sheet or tiles: ``params`` = (rib period, rib depth 0..1, emblem colour)."""
    period, strength = look.params[:2]
    ribs = np.sin(at.u * (2 * np.pi / period)) * strength
    ribs = ribs * np.clip(period / at.size / 3 - 0.5, 0, 1)
    base = (1 + 0.5 * ribs)[:, None] * np.array(look.colour, np.float32)
    emblem = noise.repeat(at.u + 1.0, 6.0) - 3.0
    patch = coverage(emblem, 1.2, at.size) * coverage(at.v - 1.4, 0.45, at.size)
    return _mix(base, look.params[2:5], patch)


def _sign(look: Look, at: Points) -> Floats:
    """Paint a sign's face: ``params`` = (half width, half height, inner colour, is a triangle)."""
    wide, tall, *inner, triangle = look.params
    x, y = at.u / wide - 1, at.v / tall - 1
    if triangle:
        # Distances to the three edges from the centroid, a third of the height up.
        y = y + np.float32(1 / 3)
        rim = 1.5 * np.maximum(np.abs(x) + 0.5 * y, -y)
    elif look.shape == Shape.DISC:
        rim = np.sqrt(x * x + y * y)
    else:
        rim = np.maximum(np.abs(x), np.abs(y))
    face = np.clip((0.76 - rim) * tall / at.size + 0.5, 0, 1)
    mark = 0.06 if np.mean(inner) > 0.5 else 0.8
    bars = coverage(x, 0.16, at.size) * coverage(y + 0.05, 0.42, at.size)
    across = coverage(x, 0.42, at.size) * coverage(y + 0.1, 0.13, at.size)
    base = _mix(_plain(look, at), inner, face)
    return _mix(base, (mark, mark, mark), np.maximum(bars, across) * face)


PATTERNS: dict[int, Pattern] = {
    Material.FACADE: _facade,
    Material.BLOCKS: _blocks,
    Material.GLASS: _glass,
    Material.COACH: _coach,
    Material.PANEL: _panel,
    Material.SIGN: _sign,
}

GRAIN: dict[int, tuple[float, float]] = {
    Material.PAINT: (0.08, 0.03),
    Material.FACADE: (0.16, 0.1),
    Material.BLOCKS: (0.22, 0.16),
    Material.FOLIAGE: (0.55, 0.8),
    Material.GLASS: (0.05, 0.0),
    Material.LAMP: (0.0, 0.0),
    Material.COACH: (0.06, 0.02),
    Material.PANEL: (0.14, 0.06),
    Material.SIGN: (0.05, 0.03),
    Material.CLOTH: (0.12, 0.2),
}
"""Strength of the coarse stains and of the fine grain on every material."""
