"""Poles, traffic lights, signs, walls, fences and clutter."""

import numpy as np

from .draws import pick
from .labels import Label
from .scenery import Colour, Look, Material, Part, Scenery, Shape, Vector

RED, YELLOW, GREEN = (0.08, 0.08, 0.75), (0.1, 0.6, 0.85), (0.3, 0.75, 0.15)


def _metal(rng: np.random.Generator) -> Look:
    grey = pick(rng, (0.12, 0.22, 0.35, 0.5))
    return Look((grey, grey * rng.uniform(0.95, 1.15), grey))


def add_pole(scenery: Scenery, rng: np.random.Generator, at: Vector, heading: float) -> None:
    """Add a lamp post, a utility pole or a bollard; ``heading`` is where its arm points."""
    part = Part(scenery, Label.POLE, at, heading)
    look, style = _metal(rng), rng.uniform()
    if style < 0.2:
        part.tube((0, 0, 0), (0, 0, 0.95), 0.07, look)
        part.ball((0, 0, 0.95), (0.07, 0.07, 0.05), look)
        return
    tall = rng.uniform(5.0, 9.0)
    part.tube((0, 0, 0), (0, 0, tall), rng.uniform(0.06, 0.13), look)
    if style < 0.75:
        part.tube((0, 0, tall - 0.05), (0, 1.6, tall + 0.15), 0.05, look)
        part.box((0, 1.7, tall + 0.15), (0.14, 0.4, 0.06), look)
    part.shadow(0.12, 0.12, 5.0)


def add_traffic_light(
    scenery: Scenery, rng: np.random.Generator, at: Vector, heading: float, arm: float
) -> None:
    """Add a traffic light facing ``heading``; with ``arm`` metres another one hangs to the left."""
    part = Part(scenery, Label.POLE, at, heading)
    look = _metal(rng)
    tall = rng.uniform(5.0, 5.8) if arm else rng.uniform(3.2, 3.8)
    part.tube((0, 0, 0), (0, 0, tall), 0.08, look)
    state = int(rng.integers(3))
    _signal(part, state, (0, 0.16, 2.75))
    if arm:
        # The head faces its own frame's +y, so the road lies on its +x side.
        part.tube((0, 0, tall - 0.2), (arm, 0, tall), 0.06, look)
        _signal(part, state, (arm, 0.16, tall - 0.1))
    part.shadow(0.12, 0.12, 3.0)


def _signal(pole: Part, state: int, at: Vector) -> None:
    part = pole.sibling(Label.TRAFFIC_LIGHT, pole.scenery.new_instance())
    x, y, z = at
    case = Look((0.05, 0.055, 0.05))
    part.box((x, y, z), (0.18, 0.14, 0.5), case)
    part.quad((x, y - 0.02, z), (-0.3, 0, 0), (0, 0, 0.62), case)
    for number, colour in enumerate((RED, YELLOW, GREEN)):
        lit = number == state
        shown: Colour = colour if lit else tuple(0.22 * c for c in colour)
        lamp = Look(shown, Material.LAMP, (1.5 if lit else 0.5,), Shape.DISC)
        centre = (x, y + 0.145, z + 0.32 - 0.32 * number)
        part.quad(centre, (-0.13, 0, 0), (0, 0, 0.13), lamp, False)


def add_sign(scenery: Scenery, rng: np.random.Generator, at: Vector, heading: float) -> None:
    """Add one or two traffic signs on a pole, facing ``heading``."""
    post = Part(scenery, Label.POLE, at, heading)
    tall = rng.uniform(2.6, 3.3)
    post.tube((0, 0, 0), (0, 0, tall), 0.04, _metal(rng))
    z = tall - 0.35
    for _ in range(int(rng.integers(1, 3))):
        part = post.sibling(Label.TRAFFIC_SIGN, scenery.new_instance())
        size, style = rng.uniform(0.3, 0.45), int(rng.integers(6))
        shape = (Shape.DISC, Shape.TRIANGLE, Shape.OCTAGON, Shape.FULL, Shape.DISC, Shape.FULL)[
            style
        ]
        white: Colour = (0.82, 0.82, 0.82)
        blue: Colour = (0.6, 0.25, 0.05)
        border, inner = (
            (RED, white),
            (RED, white),
            (RED, RED),
            (white, blue),
            (blue, blue),
            (white, YELLOW),
        )[style]
        wide = size * (rng.uniform(1.0, 1.9) if style in (3, 5) else 1.0)
        look = Look(border, Material.SIGN, (wide, size, *inner, int(style in (1,))), shape)
        part.quad((0, 0.06, z), (-wide, 0, 0), (0, 0, size), look, False)
        back = Look((0.35, 0.36, 0.36), shape=shape)
        part.quad((0, 0.05, z), (wide, 0, 0), (0, 0, size), back, False)
        z -= 2 * size + 0.08


def add_wall(
    scenery: Scenery,
    rng: np.random.Generator,
    at: Vector,
    heading: float,
    length: float,
    look: Look,
    height: float,
) -> None:
    """Add a free-standing wall of ``length`` metres along ``heading``."""
    part = Part(scenery, Label.WALL, at, heading)
    part.box((0, 0, height / 2), (0.14, length / 2, height / 2), look)
    cap = look._replace(material=Material.PAINT)
    if rng.uniform() < 0.6:
        part.box((0, 0, height + 0.05), (0.2, length / 2, 0.05), cap)
    part.shadow(0.3, length / 2, height)


def add_fence(
    scenery: Scenery,
    rng: np.random.Generator,
    at: Vector,
    heading: float,
    length: float,
    style: int,
) -> None:
    """Add a see-through fence: 0 pickets, 1 wire mesh, 2 railings, 3 guard rail."""
    part = Part(scenery, Label.FENCE, at, heading)
    height = (rng.uniform(0.9, 1.4), rng.uniform(1.5, 2.4), rng.uniform(1.0, 1.5), 0.8)[style]
    colour: Colour = ((0.3, 0.42, 0.52), (0.3, 0.34, 0.3), (0.08, 0.1, 0.08), (0.45, 0.45, 0.45))[
        style
    ]
    look = (
        Look(colour, shape=Shape.PICKETS, cut=(0.16, 0.1)),
        Look(colour, shape=Shape.MESH, cut=(0.12, 0.022)),
        Look(colour, shape=Shape.PICKETS, cut=(0.13, 0.04)),
        Look(colour, shape=Shape.RAILS, cut=(0.4, 0.28, 2.0)),
    )[style]
    part.quad((0, 0, height / 2), (0, length / 2, 0), (0, 0, height / 2), look)
    posts = max(2, round(length / 2.5) + 1)
    for k in range(posts):
        y = length * (k / (posts - 1) - 0.5)
        part.tube((0, y, 0), (0, y, height + 0.05), 0.045, Look(colour))


def add_clutter(scenery: Scenery, rng: np.random.Generator, at: Vector, heading: float) -> None:
    """Add a bin, a box or a cabinet: an object without a class."""
    part = Part(scenery, Label.VOID, at, heading)
    colour = tuple(rng.uniform(0.05, 0.5, 3).tolist())
    if rng.uniform() < 0.5:
        part.tube((0, 0, 0), (0, 0, 0.9), 0.25, Look(colour))
        part.ball((0, 0, 0.9), (0.26, 0.26, 0.1), Look(colour))
    else:
        half = rng.uniform(0.2, 0.5, 3).tolist()
        part.box((0, 0, half[2]), tuple(half), Look(colour))
    part.shadow(0.3, 0.3, 0.6)
