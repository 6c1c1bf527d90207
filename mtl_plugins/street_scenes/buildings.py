"""Houses, blocks and halls."""

import numpy as np

from .draws import pick_paint, scaled
from .labels import Label
from .scenery import Colour, Look, Material, Part, Scenery, Shape, Vector

_PLASTERS = (
    (0.5, 0.56, 0.6),
    (0.35, 0.4, 0.45),
    (0.62, 0.66, 0.68),
    (0.25, 0.32, 0.46),
    (0.3, 0.48, 0.6),
    (0.22, 0.26, 0.42),
    (0.42, 0.42, 0.42),
    (0.5, 0.42, 0.36),
    (0.2, 0.22, 0.24),
)


def masonry_colour(rng: np.random.Generator) -> Colour:
    """Draw the BGR reflectance of plaster, brick or concrete; walls share it with houses."""
    return pick_paint(rng, _PLASTERS, 0.7, (0.05, 0.85))


def _facade(rng: np.random.Generator, bay: float, storey: float, lit: float) -> Look:
    """Look with windows of one design: parameters in the order of ``texture.facade``."""
    glazed = rng.uniform() < 0.15
    wide = rng.uniform(0.75, 0.95) if glazed else rng.uniform(0.35, 0.62)
    tall = rng.uniform(0.7, 0.9) if glazed else rng.uniform(0.42, 0.62)
    shop = float(rng.uniform() < 0.5)
    shop_colour = masonry_colour(rng)
    brick = float(rng.uniform() < 0.4)
    params = (bay, storey, wide, tall, shop, lit, rng.uniform(0, 200), brick, *shop_colour)
    return Look(masonry_colour(rng), Material.FACADE, params)


def add_building(
    scenery: Scenery,
    rng: np.random.Generator,
    at: Vector,
    heading: float,
    size: tuple[float, float, float],
    lit: float,
) -> None:
    """Add a building of ``size`` = (depth, length, height) metres along ``heading``.

    ``lit`` is the share of lit windows.
    """
    part = Part(scenery, Label.BUILDING, at, heading)
    deep, long, high = size
    storey = high / max(1, round(high / rng.uniform(2.9, 3.6)))
    bay = long / max(1, round(long / rng.uniform(2.2, 4.2)))
    look = _facade(rng, bay, storey, lit)
    roof_colour = scaled((0.14, 0.16, 0.22), rng.uniform(0.6, 1.6))
    roof = Look(roof_colour, Material.PANEL, (0.35, 0.3, *roof_colour))
    blank = Look(look.colour, Material.BLOCKS, (0.6, 0.3)) if rng.uniform() < 0.4 else look
    part.box((0, 0, high / 2), (deep / 2, long / 2, high / 2), look, ends=blank, top=roof)
    if high < 14 and rng.uniform() < 0.7:
        _gable(part, (deep / 2, long / 2, high), rng.uniform(0.35, 0.9) * deep / 2, look, roof)
    elif rng.uniform() < 0.5:
        cornice = Look(tuple(min(0.9, 1.15 * c) for c in look.colour))
        part.box((0, 0, high - 0.15), (deep / 2 + 0.3, long / 2 + 0.1, 0.2), cornice)
    part.shadow(deep / 2, long / 2, high)


def _gable(part: Part, half: Vector, rise: float, look: Look, roof: Look) -> None:
    """Pitched roof with its ridge along the building and overhanging eaves."""
    deep, long, high = half
    over = 1.12
    middle = high + rise * (1 - over / 2)
    for side in (-1, 1):
        slope = (-side * deep * over / 2, 0, rise * over / 2)
        centre = (side * deep * over / 2, 0, middle)
        part.quad(centre, (0, side * (long + 0.25), 0), slope, roof)
    end = Look(look.colour, Material.PAINT, (), Shape.TRIANGLE)
    for side in (-1, 1):
        centre = (0, side * (long - 0.02), high + rise / 2)
        part.quad(centre, (-side * deep, 0, 0), (0, 0, rise / 2), end, False)
