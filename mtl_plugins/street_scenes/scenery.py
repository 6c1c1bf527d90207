"""The primitives a scene is made of, collected while it is laid out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .labels import Label

Vector = tuple[float, float, float]
Colour = tuple[float, float, float]


class Kind:
    """Geometry of a primitive in its own frame of half axes.

    Plain integers, here and below: members of an Enum are too slow to look up for every primitive.
    """

    QUAD = 0  # |a| <= 1, |b| <= 1, c = 0; given by centre and two half axes
    BALL = 1  # a^2 + b^2 + c^2 = 1; given by centre and radii
    LIMB = 2  # a ball given by its ends and (radius, stretch, 0)
    TUBE = 3  # a^2 + b^2 = 1, |c| <= 1; given like a limb


class Shape:
    """Stencil cut out of a primitive; what is cut away is not there at all."""

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
    """Colour (BGR reflectance in 0..1), pattern and stencil of a surface with their parameters."""

    colour: Colour
    material: int = Material.PAINT
    params: Sequence[float] = ()
    shape: int = Shape.FULL
    cut: Sequence[float] = ()


class Primitive(NamedTuple):
    """One primitive: three vectors in the frame of its part that mean what its kind says.

    ``vectors`` are nine numbers and ``part`` is (label, instance, heading, x, y, z): flat tuples
    turn into arrays several times faster than nested ones.
    """

    kind: int
    vectors: tuple[float, ...]
    part: tuple[float, ...]
    two_sided: bool
    look: Look


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
    """All primitives and ground shadows of a scene."""

    primitives: list[Primitive] = field(default_factory=list)
    shadows: list[Shadow] = field(default_factory=list)
    instances: int = 0

    def new_instance(self) -> int:
        """Return the next free instance id, from 1 on."""
        self.instances += 1
        return self.instances


class Part:
    """Adds primitives of one label and instance in an upright frame of its own.

    The frame stands at (x, y, z) of the street frame and is turned right by ``heading`` radians;
    its x is to the right, y ahead and z up, in metres.
    """

    def __init__(
        self, scenery: Scenery, label: Label, place: Vector, heading: float = 0.0, instance: int = 0
    ) -> None:
        self.scenery, self.label, self.instance = scenery, label, instance
        self.place, self.heading = place, heading
        self._numbers = (int(label), instance, heading, *place)

    def sibling(self, label: Label, instance: int = 0) -> "Part":
        """Return a part in the same frame with another label and instance."""
        return Part(self.scenery, label, self.place, self.heading, instance)

    def shadow(self, half_width: float, half_length: float, height: float) -> None:
        """Darken the ground around the frame's origin under an object of that size."""
        x, y, _ = self.place
        self.scenery.shadows.append(Shadow(x, y, self.heading, half_width, half_length, height))

    def quad(
        self, centre: Vector, right: Vector, up: Vector, look: Look, two_sided: bool = True
    ) -> None:
        """Add a flat rectangle spanned by two half axes; it faces along right x up."""
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

        A bottom below every camera is left out.
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

    def ball(self, centre: Vector, radii: Vector, look: Look) -> None:
        """Add an ellipsoid with its axes along the frame's axes."""
        self._add(Kind.BALL, (*centre, *radii, 0.0, 0.0, 0.0), look)

    def limb(self, start: Vector, end: Vector, radius: float, look: Look) -> None:
        """Add an ellipsoid stretched from ``start`` to ``end``, round across."""
        self._add(Kind.LIMB, (*start, *end, radius, 1.12, 0.0), look)

    def tube(self, start: Vector, end: Vector, radius: float, look: Look) -> None:
        """Add an open cylinder from ``start`` to ``end``."""
        self._add(Kind.TUBE, (*start, *end, radius, 1.0, 0.0), look)

    def _add(
        self, kind: int, vectors: tuple[float, ...], look: Look, two_sided: bool = True
    ) -> None:
        self.scenery.primitives.append(Primitive(kind, vectors, self._numbers, two_sided, look))
