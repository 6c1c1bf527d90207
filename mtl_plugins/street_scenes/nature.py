"""Trees, bushes, hedges and hills."""

import numpy as np

from .draws import pick, scaled
from .labels import Label
from .scenery import Colour, Look, Material, Part, Scenery, Shape, Vector

_GREENS = ((0.08, 0.22, 0.14), (0.06, 0.16, 0.1), (0.1, 0.26, 0.24), (0.09, 0.15, 0.2))


def _green(rng: np.random.Generator) -> Colour:
    return scaled(pick(rng, _GREENS), rng.uniform(0.6, 1.3))


def _leafy(colour: Colour, density: float, seed: float, radius: float) -> Look:
    return Look(colour, Material.FOLIAGE, (), Shape.LEAVES, (density, seed, radius))


def add_tree(scenery: Scenery, rng: np.random.Generator, at: Vector, size: float) -> None:
    """Add a tree of ``size`` metres: a trunk and a crown of leafy ellipsoids."""
    part = Part(scenery, Label.VEGETATION, at, rng.uniform(0, 6.28))
    bark = Look(scaled((0.1, 0.13, 0.17), rng.uniform(0.5, 1.3)), Material.FOLIAGE)
    stem = size * rng.uniform(0.25, 0.4)
    part.tube((0, 0, 0), (0, 0, size * 0.6), 0.02 * size + 0.05, bark)
    colour, density = _green(rng), rng.uniform(0.3, 0.75)
    slim = rng.uniform() < 0.2
    middle = (stem + size) / 2
    wide, tall = size * (0.14 if slim else rng.uniform(0.24, 0.34)), (size - stem) / 2
    part.ball(
        (0, 0, middle),
        (wide * 0.8, wide * 0.8, tall),
        _leafy(colour, density, rng.uniform(0, 200), wide),
    )
    for _ in range(int(rng.integers(3, 6))):
        x, y, z = rng.uniform(-1, 1, 3).tolist()
        r = wide * rng.uniform(0.45, 0.75)
        tint = scaled(colour, rng.uniform(0.8, 1.25))
        look = _leafy(tint, density, rng.uniform(0, 200), r)
        centre = (x * wide * 0.6, y * wide * 0.6, middle + z * tall * 0.5)
        part.ball(centre, (r, r, min(r, tall * 0.6) * rng.uniform(0.8, 1.1)), look)
    part.shadow(wide, wide, size * 0.7)


def add_bush(scenery: Scenery, rng: np.random.Generator, at: Vector, size: float) -> None:
    """Add a bush about ``size`` metres high."""
    part = Part(scenery, Label.VEGETATION, at, rng.uniform(0, 6.28))
    colour = _green(rng)
    for _ in range(int(rng.integers(2, 4))):
        x, y = (rng.uniform(-0.4, 0.4, 2) * size).tolist()
        r = size * rng.uniform(0.4, 0.6)
        look = _leafy(colour, 0.75, rng.uniform(0, 200), r)
        part.ball((x, y, r * 0.8), (r, r * rng.uniform(0.8, 1.4), r * 0.9), look)
    part.shadow(size * 0.6, size * 0.6, size * 0.5)


def add_hedge(
    scenery: Scenery, rng: np.random.Generator, at: Vector, heading: float, length: float
) -> None:
    """Add a clipped hedge of ``length`` metres along ``heading``."""
    part = Part(scenery, Label.VEGETATION, at, heading)
    height = rng.uniform(0.8, 2.2)
    look = Look(_green(rng), Material.FOLIAGE)
    part.box((0, 0, height / 2), (0.4, length / 2, height / 2), look)
    part.shadow(0.5, length / 2, height)


def add_hill(
    scenery: Scenery, rng: np.random.Generator, at: Vector, radii: Vector, wooded: bool
) -> None:
    """Add a grassy or wooded hill with these half axes in metres."""
    label = Label.VEGETATION if wooded else Label.TERRAIN
    part = Part(scenery, label, at, rng.uniform(0, 6.28))
    grass = tuple((np.array((0.12, 0.27, 0.22)) * rng.uniform(0.7, 1.2, 3)).tolist())
    colour = _green(rng) if wooded else grass
    part.ball((0, 0, 0), radii, Look(colour, Material.FOLIAGE))
