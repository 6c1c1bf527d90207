"""Single things beside the street: plants, poles, lights, signs, walls, fences and clutter."""

import numpy as np

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
    scaled,
)

RED, YELLOW, GREEN = (0.08, 0.08, 0.75), (0.1, 0.6, 0.85), (0.3, 0.75, 0.15)
WHITE, BLUE = (0.82, 0.82, 0.82), (0.6, 0.25, 0.05)
# Shape, border and inner colour of traffic signs.
_SIGNS = (
    (Shape.DISC, RED, WHITE),
    (Shape.TRIANGLE, RED, WHITE),
    (Shape.OCTAGON, RED, RED),
    (Shape.FULL, WHITE, BLUE),
    (Shape.DISC, BLUE, BLUE),
    (Shape.FULL, WHITE, YELLOW),
)
# Pickets, wire mesh, railings and guard rails.
_FENCES = (
    Look((0.3, 0.42, 0.52), shape=Shape.PICKETS, cut=(0.16, 0.1)),
    Look((0.3, 0.34, 0.3), shape=Shape.MESH, cut=(0.12, 0.022)),
    Look((0.08, 0.1, 0.08), shape=Shape.PICKETS, cut=(0.13, 0.04)),
    Look((0.45, 0.45, 0.45), shape=Shape.RAILS, cut=(0.4, 0.28, 2.0)),
)
_GREENS = ((0.08, 0.22, 0.14), (0.06, 0.16, 0.1), (0.1, 0.26, 0.24), (0.09, 0.15, 0.2))


def _green(rng: np.random.Generator) -> Colour:
    return scaled(pick(rng, _GREENS), rng.uniform(0.6, 1.3))


def _leafy(colour: Colour, density: float, seed: float, radius: float) -> Look:
    return Look(colour, Material.FOLIAGE, (), Shape.LEAVES, (density, seed, radius))


def add_tree(scenery: Scenery, at: Vector, size: float) -> None:
    """Add a tree of ``size`` metres: a trunk and a crown of leafy ellipsoids."""
    rng = scenery.rng
    part = Part(scenery, Label.VEGETATION, at, rng.uniform(0, 6.28))
    bark = Look(scaled((0.1, 0.13, 0.17), rng.uniform(0.5, 1.3)), Material.FOLIAGE)
    stem = size * rng.uniform(0.25, 0.4)
    part.tube((0, 0, 0), (0, 0, size * 0.6), 0.02 * size + 0.05, bark)
    colour, density = _green(rng), rng.uniform(0.3, 0.75)
    slim = rng.uniform() < 0.2
    middle = (stem + size) / 2
    wide, tall = size * (0.14 if slim else rng.uniform(0.24, 0.34)), (size - stem) / 2
    core = _leafy(colour, density, rng.uniform(0, 200), wide)
    part.ball((0, 0, middle), (wide * 0.8, wide * 0.8, tall), core)
    for _ in range(int(rng.integers(3, 6))):
        x, y, z = rng.uniform(-1, 1, 3).tolist()
        r = wide * rng.uniform(0.45, 0.75)
        tint = scaled(colour, rng.uniform(0.8, 1.25))
        look = _leafy(tint, density, rng.uniform(0, 200), r)
        centre = (x * wide * 0.6, y * wide * 0.6, middle + z * tall * 0.5)
        part.ball(centre, (r, r, min(r, tall * 0.6) * rng.uniform(0.8, 1.1)), look)
    part.shadow(wide, wide, size * 0.7)


def add_bush(scenery: Scenery, at: Vector, size: float) -> None:
    """Add a bush about ``size`` metres high."""
    rng = scenery.rng
    part = Part(scenery, Label.VEGETATION, at, rng.uniform(0, 6.28))
    colour = _green(rng)
    for _ in range(int(rng.integers(2, 4))):
        x, y = (rng.uniform(-0.4, 0.4, 2) * size).tolist()
        r = size * rng.uniform(0.4, 0.6)
        look = _leafy(colour, 0.75, rng.uniform(0, 200), r)
        part.ball((x, y, r * 0.8), (r, r * rng.uniform(0.8, 1.4), r * 0.9), look)
    part.shadow(size * 0.6, size * 0.6, size * 0.5)


def add_hedge(scenery: Scenery, at: Vector, heading: float, length: float) -> None:
    """Add a clipped hedge of ``length`` metres along ``heading``."""
    rng = scenery.rng
    part = Part(scenery, Label.VEGETATION, at, heading)
    height = rng.uniform(0.8, 2.2)
    look = Look(_green(rng), Material.FOLIAGE)
    part.box((0, 0, height / 2), (0.4, length / 2, height / 2), look)
    part.shadow(0.5, length / 2, height)


def add_hill(scenery: Scenery, at: Vector, radii: Vector, wooded: bool) -> None:
    """Add a grassy or wooded hill with these half axes in metres."""
    rng = scenery.rng
    label = Label.VEGETATION if wooded else Label.TERRAIN
    part = Part(scenery, label, at, rng.uniform(0, 6.28))
    grass = as_colour(np.array((0.12, 0.27, 0.22)) * rng.uniform(0.7, 1.2, 3))
    colour = _green(rng) if wooded else grass
    part.ball((0, 0, 0), radii, Look(colour, Material.FOLIAGE))


def _metal(rng: np.random.Generator) -> Look:
    grey = pick(rng, (0.12, 0.22, 0.35, 0.5))
    return Look((grey, grey * rng.uniform(0.95, 1.15), grey))


def add_pole(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add a lamp post, a utility pole or a bollard; ``heading`` is where its arm points."""
    rng = scenery.rng
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


def add_traffic_light(scenery: Scenery, at: Vector, heading: float, arm: float) -> None:
    """Add a traffic light facing ``heading``; with ``arm`` metres another one hangs to the left."""
    rng = scenery.rng
    part = Part(scenery, Label.POLE, at, heading)
    look = _metal(rng)
    tall = rng.uniform(5.0, 5.8) if arm else rng.uniform(3.2, 3.8)
    part.tube((0, 0, 0), (0, 0, tall), 0.08, look)
    state = int(rng.integers(3))
    _add_signal(part, state, (0, 0.16, 2.75))
    if arm:
        # The head faces its own frame's +y, so the road lies on its +x side.
        part.tube((0, 0, tall - 0.2), (arm, 0, tall), 0.06, look)
        _add_signal(part, state, (arm, 0.16, tall - 0.1))
    part.shadow(0.12, 0.12, 3.0)


def _add_signal(pole: Part, state: int, at: Vector) -> None:
    """Add a signal head whose lamp number ``state`` (red, yellow, green) is lit."""
    part = pole.sibling(Label.TRAFFIC_LIGHT)
    x, y, z = at
    case = Look((0.05, 0.055, 0.05))
    part.box((x, y, z), (0.18, 0.14, 0.5), case)
    part.quad((x, y - 0.02, z), (-0.3, 0, 0), (0, 0, 0.62), case)
    for number, colour in enumerate((RED, YELLOW, GREEN)):
        lit = number == state
        shown = colour if lit else scaled(colour, 0.22)
        lamp = Look(shown, Material.LAMP, (1.5 if lit else 0.5,), Shape.DISC)
        centre = (x, y + 0.145, z + 0.32 - 0.32 * number)
        part.quad(centre, (-0.13, 0, 0), (0, 0, 0.13), lamp, False)


def add_sign(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add one or two traffic signs on a pole, facing ``heading``."""
    rng = scenery.rng
    post = Part(scenery, Label.POLE, at, heading)
    tall = rng.uniform(2.6, 3.3)
    post.tube((0, 0, 0), (0, 0, tall), 0.04, _metal(rng))
    z = tall - 0.35
    for _ in range(int(rng.integers(1, 3))):
        part = post.sibling(Label.TRAFFIC_SIGN)
        size = rng.uniform(0.3, 0.45)
        shape, border, inner = pick(rng, _SIGNS)
        wide = size * (rng.uniform(1.0, 1.9) if shape == Shape.FULL else 1.0)
        params = (wide, size, *inner, int(shape == Shape.TRIANGLE))
        look = Look(border, Material.SIGN, params, shape)
        part.quad((0, 0.06, z), (-wide, 0, 0), (0, 0, size), look, False)
        back = Look((0.35, 0.36, 0.36), shape=shape)
        part.quad((0, 0.05, z), (wide, 0, 0), (0, 0, size), back, False)
        z -= 2 * size + 0.08


def add_wall(
    scenery: Scenery, at: Vector, heading: float, length: float, look: Look, height: float
) -> None:
    """Add a free-standing wall of ``length`` metres along ``heading``."""
    part = Part(scenery, Label.WALL, at, heading)
    part.box((0, 0, height / 2), (0.14, length / 2, height / 2), look)
    if scenery.rng.uniform() < 0.6:
        cap = look._replace(material=Material.PAINT)
        part.box((0, 0, height + 0.05), (0.2, length / 2, 0.05), cap)
    part.shadow(0.3, length / 2, height)


def add_fence(scenery: Scenery, at: Vector, heading: float, length: float) -> None:
    """Add a see-through fence of ``length`` metres along ``heading``."""
    rng = scenery.rng
    style = int(rng.integers(len(_FENCES)))
    part = Part(scenery, Label.FENCE, at, heading)
    # All heights are drawn, so that what is drawn later does not depend on the style.
    heights = (rng.uniform(0.9, 1.4), rng.uniform(1.5, 2.4), rng.uniform(1.0, 1.5), 0.8)
    height, look = heights[style], _FENCES[style]
    part.quad((0, 0, height / 2), (0, length / 2, 0), (0, 0, height / 2), look)
    posts = max(2, round(length / 2.5) + 1)
    for k in range(posts):
        y = length * (k / (posts - 1) - 0.5)
        part.tube((0, y, 0), (0, y, height + 0.05), 0.045, Look(look.colour))


def add_clutter(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add a bin, a box or a cabinet: an object without a class."""
    rng = scenery.rng
    part = Part(scenery, Label.VOID, at, heading)
    colour = as_colour(rng.uniform(0.05, 0.5, 3))
    if rng.uniform() < 0.5:
        part.tube((0, 0, 0), (0, 0, 0.9), 0.25, Look(colour))
        part.ball((0, 0, 0.9), (0.26, 0.26, 0.1), Look(colour))
    else:
        x, y, z = rng.uniform(0.2, 0.5, 3).tolist()
        part.box((0, 0, z), (x, y, z), Look(colour))
    part.shadow(0.3, 0.3, 0.6)
