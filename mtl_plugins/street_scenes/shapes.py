"""Stencils: which part of a primitive exists.

Every stencil maps surface coordinates to a boolean mask. ``a`` and ``b`` run over -1..1 across
the primitive; ``u`` and ``v`` are metres from its lower left corner; ``cut`` holds parameters.
"""

from collections.abc import Callable, Sequence

import numpy as np

from . import noise
from .scenery import Shape

Array = np.ndarray
Stencil = Callable[[Array, Array, Array, Array, Sequence[float]], Array]

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


def _disc(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    return a * a + b * b <= 1


def _triangle(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    return np.abs(a) <= 0.5 * (1 - b)


def _octagon(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    return np.abs(a) + np.abs(b) <= 1.414


def _taper(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    """Trapezium: ``cut`` is how far the upper left and right corners are drawn in."""
    rise = 0.5 * (b + 1)
    return (a >= -1 + cut[0] * rise) & (a <= 1 - cut[1] * rise)


def _pickets(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    """Upright pickets: ``cut`` is their period and width in metres."""
    return (noise.repeat(u, cut[0]) < cut[1]) | (np.abs(np.abs(b) - 0.72) < 0.07)


def _mesh(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    """Wire mesh: ``cut`` is its period and wire width in metres."""
    return (
        (noise.repeat(u, cut[0]) < cut[1]) | (noise.repeat(v, cut[0]) < cut[1]) | (np.abs(b) > 0.95)
    )


def _rails(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    """Horizontal rails: ``cut`` is their period and width in metres and the posts' period."""
    return (noise.repeat(v, cut[0]) > cut[0] - cut[1]) | (noise.repeat(u, cut[2]) < 0.09)


def _bicycle(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    solid = np.zeros(a.shape, bool)
    for x, y in _HUBS:
        solid |= np.abs((u - x) ** 2 + (v - y) ** 2 - _RIM) < _RIM_HALF
    for (x0, y0), (x1, y1) in _TUBES:
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        solid |= (u - x0 - along * dx) ** 2 + (v - y0 - along * dy) ** 2 < 0.034**2
    return solid


def _leaves(a: Array, b: Array, u: Array, v: Array, cut: Sequence[float]) -> Array:
    """Foliage, thinner towards the outline, where ``a`` is 0 (amidst 1).

    ``cut`` is the density, a seed and the radius in metres.
    """
    return noise.sample(u * 34 + cut[1], v * 34) < cut[0] * np.minimum(1, 0.1 + 2.2 * a)


STENCILS: dict[int, Stencil] = {
    Shape.DISC: _disc,
    Shape.TRIANGLE: _triangle,
    Shape.OCTAGON: _octagon,
    Shape.TAPER: _taper,
    Shape.PICKETS: _pickets,
    Shape.MESH: _mesh,
    Shape.RAILS: _rails,
    Shape.BICYCLE: _bicycle,
    Shape.LEAVES: _leaves,
}
