"""The vocabulary of a scene: classes, colours, primitives and shadows, and random draws of them."""

from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]
Vector = tuple[float, float, float]
Colour = tuple[float, float, float]
"""Blue, green and red reflectance in 0..1."""
T = TypeVar("T")


class Label(IntEnum):
    """Cityscapes train ids; ``VOID`` marks pixels without a defined class.

    >>> int(Label.SKY), int(Label.BICYCLE), int(Label.VOID)
    (10, 18, 255)
    """

    ROAD = 0
    SIDEWALK = 1
    BUILDING = 2
    WALL = 3
    FENCE = 4
    POLE = 5
    TRAFFIC_LIGHT = 6
    TRAFFIC_SIGN = 7
    VEGETATION = 8
    TERRAIN = 9
    SKY = 10
    PERSON = 11
    RIDER = 12
    CAR = 13
    TRUCK = 14
    BUS = 15
    TRAIN = 16
    MOTORCYCLE = 17
    BICYCLE = 18
    VOID = 255


class Body(IntEnum):
    """Parts of people; everything else is ``NONE``."""

    NONE = 0
    HEAD = 1
    TORSO = 2
    ARMS = 3
    LEGS = 4


class Kind:
    """Geometry of a primitive in its own frame of half axes.

    The constants here and below are plain integers: looking up an Enum member for every primitive
    takes too long.
    """

    QUAD = 0  # |a| <= 1, |b| <= 1, c = 0; given by centre and two half axes
    BALL = 1  # a^2 + b^2 + c^2 = 1; given by centre and radii
    LIMB = 2  # a ball given by its ends and (radius, stretch, 0)
    TUBE = 3  # a^2 + b^2 = 1, |c| <= 1; given like a limb


class Shape:
    """Stencil that cuts a primitive: rays pass through the parts it removes."""

    FULL = 0
    DISC = 1
    TRIANGLE = 2
    OCTAGON = 3
    TAPER = 4
    PICKETS = 5
    MESH = 6
    BICYCLE = 7
    LEAVES = 8
    RAILS = 9


class Material:
    """Pattern painted on a primitive."""

    PAINT = 0
    FACADE = 1
    BLOCKS = 2
    FOLIAGE = 3
    GLASS = 4
    LAMP = 5
    COACH = 6
    PANEL = 7
    SIGN = 8
    CLOTH = 9


class Look(NamedTuple):
    """Appearance of a surface: colour, pattern and stencil, the latter two with parameters."""

    colour: Colour
    material: int = Material.PAINT
    params: Sequence[float] = ()
    shape: int = Shape.FULL
    cut: Sequence[float] = ()


class Primitive(NamedTuple):
    """One primitive, described by three vectors whose meaning depends on its kind.

    ``vectors`` are nine numbers in the frame of its part, and ``part`` is (label, instance,
    heading, x, y, z): flat tuples turn into arrays several times faster than nested ones.
    """

    kind: int
    vectors: tuple[float, ...]
    part: tuple[float, ...]
    two_sided: bool
    look: Look
    body: int = Body.NONE


class Shadow(NamedTuple):
    """Soft dark rectangle on the ground under an object, in metres."""

    x: float
    y: float
    heading: float
    half_width: float
    half_length: float
    height: float


@dataclass
class Scenery:
    """All primitives and ground shadows of a scene, and the generator that draws them."""

    rng: np.random.Generator
    primitives: list[Primitive] = field(default_factory=list)
    shadows: list[Shadow] = field(default_factory=list)
    instances: int = 0

    def new_instance(self) -> int:
        """Return the next free instance id, starting at 1."""
        self.instances += 1
        return self.instances


class Part:
    """An upright frame in which primitives of one label and instance are added.

    The frame's origin is at (x, y, z) of the street frame, and it is turned right by ``heading``
    radians; its x is to the right, y ahead and z up, in metres.
    """

    def __init__(
        self, scenery: Scenery, label: Label, place: Vector, heading: float = 0.0, instance: int = 0
    ) -> None:
        self.scenery, self.place, self.heading = scenery, place, heading
        self._numbers = (int(label), instance, heading, *place)

    def sibling(self, label: Label) -> "Part":
        """Return a part in the same frame with another label and a new instance."""
        return Part(self.scenery, label, self.place, self.heading, self.scenery.new_instance())

    def shadow(self, half_width: float, half_length: float, height: float) -> None:
        """Darken the ground around the frame's origin under an object of that size."""
        x, y, _ = self.place
        self.scenery.shadows.append(Shadow(x, y, self.heading, half_width, half_length, height))

    def quad(
        self, centre: Vector, right: Vector, up: Vector, look: Look, two_sided: bool = True
    ) -> None:
        """Add a flat rectangle spanned by two half axes; its front faces along right x up."""
        self._add(Kind.QUAD, (*centre, *right, *up), look, two_sided)

    def box(
        self,
        centre: Vector,
        half: Vector,
        look: Look,
        *,
        ends: Look | None = None,
        top: Look | None = None,
    ) -> None:
        """Add an upright box; ``ends`` is the look of its front and back, ``top`` of its lid.

        A bottom at most 1 m above the ground is left out, because every camera is above it.
        """
        (x, y, z), (a, b, c) = centre, half
        ends, top = ends or look, top or look
        up = (0.0, 0.0, c)
        self.quad((x + a, y, z), (0.0, b, 0.0), up, look, False)
        self.quad((x - a, y, z), (0.0, -b, 0.0), up, look, False)
        self.quad((x, y - b, z), (a, 0.0, 0.0), up, ends, False)
        self.quad((x, y + b, z), (-a, 0.0, 0.0), up, ends, False)
        self.quad((x, y, z + c), (a, 0.0, 0.0), (0.0, b, 0.0), top, False)
        if z - c > 1.0:
            self.quad((x, y, z - c), (a, 0.0, 0.0), (0.0, -b, 0.0), top, False)

    def ball(self, centre: Vector, radii: Vector, look: Look, body: Body = Body.NONE) -> None:
        """Add an ellipsoid with its axes along the frame's axes."""
        self._add(Kind.BALL, (*centre, *radii, 0.0, 0.0, 0.0), look, body=body)

    def limb(
        self, start: Vector, end: Vector, radius: float, look: Look, body: Body = Body.NONE
    ) -> None:
        """Add an ellipsoid stretched from ``start`` to ``end`` with a round cross-section."""
        self._add(Kind.LIMB, (*start, *end, radius, 1.12, 0.0), look, body=body)

    def tube(self, start: Vector, end: Vector, radius: float, look: Look) -> None:
        """Add an open cylinder from ``start`` to ``end``."""
        self._add(Kind.TUBE, (*start, *end, radius, 1.0, 0.0), look)

    def _add(
        self,
        kind: int,
        vectors: tuple[float, ...],
        look: Look,
        two_sided: bool = True,
        body: Body = Body.NONE,
    ) -> None:
        new = Primitive(kind, vectors, self._numbers, two_sided, look, body)
        self.scenery.primitives.append(new)


def pick(rng: np.random.Generator, options: Sequence[T], weights: Sequence[float] = ()) -> T:
    """Draw one of the options, uniformly or with weights that sum to 1.

    This is several times faster than ``Generator.choice``.
    """
    if not weights:
        return options[int(rng.integers(len(options)))]
    return options[bisect(list(accumulate(weights)), rng.uniform(), hi=len(options) - 1)]


def as_colour(values: Iterable[float]) -> Colour:
    """Return three numbers as a colour of plain floats."""
    blue, green, red = values
    return float(blue), float(green), float(red)


def scaled(colour: Colour, factor: float) -> Colour:
    """Return a darker or brighter colour."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def pick_paint(
    rng: np.random.Generator, palette: Sequence[Colour], darkest: float, limits: tuple[float, float]
) -> Colour:
    """Draw a colour of the palette, scale it by ``darkest``..1.2 and vary its tint.

    ``limits`` are the lowest and the highest reflectance of a channel.
    """
    colour = scaled(pick(rng, palette), rng.uniform(darkest, 1.2))
    low, high = limits
    tint = as_colour(rng.uniform(-0.03, 0.03, 3))
    return as_colour(min(max(c + t, low), high) for c, t in zip(colour, tint, strict=True))
