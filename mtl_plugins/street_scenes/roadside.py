"""Both sides of the street: houses, walls, fences, gardens, parks and the background."""

from math import copysign, pi

import numpy as np

from .objects import add_bush, add_fence, add_hedge, add_hill, add_tree, add_wall
from .scenery import (
    Colour,
    Label,
    Look,
    Material,
    Part,
    Scenery,
    Shape,
    Vector,
    as_colour,
    pick,
    pick_paint,
    scaled,
)
from .street import Street

END = 130.0
"""Metres up to which the street is lined."""

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


def build_frontage(scenery: Scenery, street: Street, sign: int, lit: float) -> None:
    """Build what lines a side of the street: ``sign`` is -1 left, 1 right.

    ``lit`` is the share of lit windows.
    """
    rng, road = scenery.rng, street.road
    side = road.sides[(sign + 1) // 2]
    edge = road.half_width + side.width + (0.3 if side.width else 1.2)
    shares = (0.62, 0.23, 0.15) if side.paved else (0.2, 0.4, 0.4)
    style = pick(rng, ("row", "gardens", "park"), shares)
    height = rng.uniform(5, 22)
    deep = rng.uniform(9, 14)
    y = rng.uniform(-2, 5)
    while y < END:
        length = rng.uniform(8, 24) if style == "row" else rng.uniform(7, 18)
        step = length + (0.0 if style == "row" and rng.uniform() < 0.8 else rng.uniform(0.5, 5.0))
        if road.blocked(y - side.width, y + length + side.width, edge):
            y += 2.0
            continue
        kind = rng.uniform()
        if style == "row" and kind < 0.82:
            high = min(max(height * rng.uniform(0.7, 1.35), 4.0), 32.0)
            at, turn = road.place(sign * (edge + deep / 2 + rng.uniform(0, 0.8)), y + length / 2)
            _add_building(scenery, at, turn, (deep, length, high), lit)
        elif style == "park" and kind < 0.35:
            _add_plants(scenery, street, sign * (edge + 2), y, length)
        else:
            _add_boundary(scenery, street, sign, edge, y, length)
            if style != "park" and rng.uniform() < 0.75:
                back = edge + rng.uniform(4, 8) + deep / 2
                at, turn = road.place(sign * back, y + length / 2)
                size = (deep, length * 0.8, rng.uniform(4, 11))
                _add_building(scenery, at, turn, size, lit)
            _add_plants(scenery, street, sign * (edge + 2), y, length)
        y += step


def build_background(scenery: Scenery, street: Street, lit: float) -> None:
    """Close the view with houses, trees and hills, and face a T junction with houses."""
    rng, road = scenery.rng, street.road
    if road.crossing is not None and road.ends:
        y = road.crossing + road.crossing_half_width + road.sides[1].width
        x = -40 + rng.uniform(-5, 5) + road.centre_at(y)
        while x < 40 + road.centre_at(y):
            length = rng.uniform(8, 22)
            if rng.uniform() < 0.8:
                size = (10.0, length, rng.uniform(5, 20))
                _add_building(scenery, (x + length / 2, y + 5.5, 0), pi / 2, size, lit)
            else:
                for _ in range(2):
                    at = (x + rng.uniform(0, length), y + rng.uniform(1, 8), 0)
                    add_tree(scenery, at, rng.uniform(5, 11))
            x += length + (0 if rng.uniform() < 0.6 else 3)
    town = rng.uniform()
    for _ in range(int(rng.integers(8, 16))):
        y = rng.uniform(140, 290)
        x = road.centre_at(y) + rng.uniform(-1, 1) * 0.6 * y
        kind = rng.uniform()
        if kind < 0.5 * town + 0.1:
            size = (rng.uniform(10, 20), rng.uniform(10, 40), rng.uniform(8, 40))
            _add_building(scenery, (x, y, 0), rng.uniform(-0.3, 0.3) + pi / 2, size, lit)
        elif kind < 0.8:
            add_tree(scenery, (x, y, 0), rng.uniform(8, 18))
        else:
            radii = (rng.uniform(40, 90), rng.uniform(25, 60), rng.uniform(5, 24))
            add_hill(scenery, (x, y + 30, 0), radii, rng.uniform() < 0.6)


def _add_boundary(
    scenery: Scenery, street: Street, sign: int, edge: float, y: float, length: float
) -> None:
    """Add a wall, a fence or a hedge along the frontage."""
    rng = scenery.rng
    at, turn = street.road.place(sign * (edge + 0.2), y + length / 2, street.road.kerb)
    kind = rng.uniform()
    if kind < 0.42:
        material = Material.BLOCKS if rng.uniform() < 0.6 else Material.PAINT
        course = pick(rng, (0.12, 0.25, 0.5))
        look = Look(_masonry_colour(rng), material, (2.2 * course, course))
        height = pick(rng, (0.9, 1.6, 2.2, 3.2)) * rng.uniform(0.9, 1.2)
        add_wall(scenery, at, turn, length, look, height)
    elif kind < 0.86:
        add_fence(scenery, at, turn, length)
    else:
        add_hedge(scenery, (at[0] + 0.4 * sign, at[1], 0), turn, length)


def _add_plants(scenery: Scenery, street: Street, s: float, y: float, length: float) -> None:
    rng = scenery.rng
    for _ in range(int(rng.integers(1, 3))):
        away = copysign(rng.uniform(0, 6), s)
        at, _heading = street.road.place(s + away, y + rng.uniform(0.1, 0.9) * length)
        if rng.uniform() < 0.65:
            add_tree(scenery, at, rng.uniform(4, 12))
        else:
            add_bush(scenery, at, rng.uniform(0.8, 2.2))


def _masonry_colour(rng: np.random.Generator) -> Colour:
    """Draw the BGR reflectance of plaster, brick or concrete."""
    return pick_paint(rng, _PLASTERS, 0.7, (0.05, 0.85))


def _draw_facade(rng: np.random.Generator, bay: float, storey: float, lit: float) -> Look:
    """Draw windows of one design; the parameters are in the order of ``surfaces._facade``."""
    glazed = rng.uniform() < 0.15
    wide = rng.uniform(0.75, 0.95) if glazed else rng.uniform(0.35, 0.62)
    tall = rng.uniform(0.7, 0.9) if glazed else rng.uniform(0.42, 0.62)
    shop = float(rng.uniform() < 0.5)
    shop_colour = _masonry_colour(rng)
    brick = float(rng.uniform() < 0.4)
    params = (bay, storey, wide, tall, shop, lit, rng.uniform(0, 200), brick, *shop_colour)
    return Look(_masonry_colour(rng), Material.FACADE, params)


def _add_building(
    scenery: Scenery, at: Vector, heading: float, size: tuple[float, float, float], lit: float
) -> None:
    """Add a building of ``size`` = (depth, length, height) metres along ``heading``.

    ``lit`` is the share of lit windows.
    """
    rng = scenery.rng
    part = Part(scenery, Label.BUILDING, at, heading)
    deep, long, high = size
    storey = high / max(1, round(high / rng.uniform(2.9, 3.6)))
    bay = long / max(1, round(long / rng.uniform(2.2, 4.2)))
    look = _draw_facade(rng, bay, storey, lit)
    roof_colour = scaled((0.14, 0.16, 0.22), rng.uniform(0.6, 1.6))
    roof = Look(roof_colour, Material.PANEL, (0.35, 0.3, *roof_colour))
    blank = Look(look.colour, Material.BLOCKS, (0.6, 0.3)) if rng.uniform() < 0.4 else look
    part.box((0, 0, high / 2), (deep / 2, long / 2, high / 2), look, ends=blank, top=roof)
    if high < 14 and rng.uniform() < 0.7:
        _add_gable(part, (deep / 2, long / 2, high), rng.uniform(0.35, 0.9) * deep / 2, look, roof)
    elif rng.uniform() < 0.5:
        cornice = Look(as_colour(min(0.9, 1.15 * c) for c in look.colour))
        part.box((0, 0, high - 0.15), (deep / 2 + 0.3, long / 2 + 0.1, 0.2), cornice)
    part.shadow(deep / 2, long / 2, high)


def _add_gable(part: Part, half: Vector, rise: float, look: Look, roof: Look) -> None:
    """Add a pitched roof with its ridge along the building and overhanging eaves."""
    deep, long, high = half
    over = 1.12
    middle = high + rise * (1 - over / 2)
    for side in (-1, 1):
        slope = (-side * deep * over / 2, 0, rise * over / 2)
        part.quad((side * deep * over / 2, 0, middle), (0, side * (long + 0.25), 0), slope, roof)
    end = Look(look.colour, Material.PAINT, (), Shape.TRIANGLE)
    for side in (-1, 1):
        centre = (0, side * (long - 0.02), high + rise / 2)
        part.quad(centre, (-side * deep, 0, 0), (0, 0, rise / 2), end, False)
