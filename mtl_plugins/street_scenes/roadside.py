"""What borders the street: rows of houses, walls, fences, gardens, parks and the background."""

from math import copysign, pi

import numpy as np

from .buildings import add_building, masonry_colour
from .draws import pick
from .furniture import add_fence, add_wall
from .nature import add_bush, add_hedge, add_hill, add_tree
from .scenery import Look, Material, Scenery
from .street import Street

END = 130.0


def build_frontage(
    scenery: Scenery, rng: np.random.Generator, street: Street, sign: int, lit: float
) -> None:
    """Line one side (``sign`` -1 left, 1 right) of the street up to 130 m away."""
    road = street.road
    side = road.sides[(sign + 1) // 2]
    edge = road.half_width + side.width + (0.3 if side.width else 1.2)
    style = pick(
        rng,
        ("row", "gardens", "park"),
        (0.62, 0.23, 0.15) if side.paved else (0.2, 0.4, 0.4),
    )
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
            x, at, turn = road.place(sign * (edge + deep / 2 + rng.uniform(0, 0.8)), y + length / 2)
            add_building(scenery, rng, (x, at, 0), turn, (deep, length, high), lit)
        elif style == "park" and kind < 0.35:
            _plants(scenery, rng, street, sign * (edge + 2), y, length)
        else:
            _boundary(scenery, rng, street, sign, edge, y, length)
            if style != "park" and rng.uniform() < 0.75:
                back = edge + rng.uniform(4, 8) + deep / 2
                x, at, turn = road.place(sign * back, y + length / 2)
                high = rng.uniform(4, 11)
                add_building(scenery, rng, (x, at, 0), turn, (deep, length * 0.8, high), lit)
            _plants(scenery, rng, street, sign * (edge + 2), y, length)
        y += step


def _boundary(
    scenery: Scenery,
    rng: np.random.Generator,
    street: Street,
    sign: int,
    edge: float,
    y: float,
    length: float,
) -> None:
    """Add a wall, a fence or a hedge along the frontage."""
    x, at, turn = street.road.place(sign * (edge + 0.2), y + length / 2)
    place = (x, at, street.road.kerb)
    kind = rng.uniform()
    if kind < 0.42:
        style = rng.uniform()
        material = Material.BLOCKS if style < 0.6 else Material.PAINT
        course = pick(rng, (0.12, 0.25, 0.5))
        look = Look(masonry_colour(rng), material, (2.2 * course, course))
        add_wall(
            scenery,
            rng,
            place,
            turn,
            length,
            look,
            pick(rng, (0.9, 1.6, 2.2, 3.2)) * rng.uniform(0.9, 1.2),
        )
    elif kind < 0.86:
        add_fence(scenery, rng, place, turn, length, int(rng.integers(4)))
    else:
        add_hedge(scenery, rng, (x + 0.4 * sign, at, 0), turn, length)


def _plants(
    scenery: Scenery, rng: np.random.Generator, street: Street, s: float, y: float, length: float
) -> None:
    for _ in range(int(rng.integers(1, 3))):
        away = copysign(rng.uniform(0, 6), s)
        x, at, _ = street.road.place(s + away, y + rng.uniform(0.1, 0.9) * length)
        if rng.uniform() < 0.65:
            add_tree(scenery, rng, (x, at, 0), rng.uniform(4, 12))
        else:
            add_bush(scenery, rng, (x, at, 0), rng.uniform(0.8, 2.2))


def build_background(
    scenery: Scenery, rng: np.random.Generator, street: Street, lit: float
) -> None:
    """Close the view with houses, trees and hills, and face a T junction with houses."""
    road = street.road
    if road.crossing is not None and road.ends:
        y = road.crossing + road.crossing_half_width + road.sides[1].width
        x = -40 + rng.uniform(-5, 5) + float(road.centre(y))
        while x < 40 + float(road.centre(y)):
            length = rng.uniform(8, 22)
            if rng.uniform() < 0.8:
                size = (10.0, length, rng.uniform(5, 20))
                add_building(scenery, rng, (x + length / 2, y + 5.5, 0), pi / 2, size, lit)
            else:
                for _ in range(2):
                    at = (x + rng.uniform(0, length), y + rng.uniform(1, 8), 0)
                    add_tree(scenery, rng, at, rng.uniform(5, 11))
            x += length + (0 if rng.uniform() < 0.6 else 3)
    town = rng.uniform()
    for _ in range(int(rng.integers(8, 16))):
        y = rng.uniform(140, 290)
        x = float(road.centre(y)) + rng.uniform(-1, 1) * 0.6 * y
        kind = rng.uniform()
        if kind < 0.5 * town + 0.1:
            size = (rng.uniform(10, 20), rng.uniform(10, 40), rng.uniform(8, 40))
            add_building(scenery, rng, (x, y, 0), rng.uniform(-0.3, 0.3) + pi / 2, size, lit)
        elif kind < 0.8:
            add_tree(scenery, rng, (x, y, 0), rng.uniform(8, 18))
        else:
            radii = (rng.uniform(40, 90), rng.uniform(25, 60), rng.uniform(5, 24))
            add_hill(scenery, rng, (x, y + 30, 0), radii, rng.uniform() < 0.6)
