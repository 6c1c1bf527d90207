"""The plan of the street: road, sidewalk and terrain, lanes, markings and crossing."""

from dataclasses import dataclass, field
from math import atan, cos, sin

import numpy as np

from .scenery import Colour, Floats, Vector, as_colour, pick, scaled


@dataclass(frozen=True)
class Side:
    """Strips beside the road from the kerb outwards, widths in metres.

    First a grass ``verge``, then the ``walk``; beyond it the ground is paved or grass.
    """

    verge: float
    walk: float
    paved: bool

    @property
    def width(self) -> float:
        """Distance from the kerb to the frontage in metres."""
        return self.verge + self.walk


@dataclass(frozen=True)
class Road:
    """A street along y with an optional bend and an optional crossing street, in metres.

    ``bend`` is the curvature in 1/m from ``bend_start`` on; ``kerb`` the height of the raised
    ground; ``crossing`` the y of a crossing street's middle, and with ``ends`` the street stops
    there (a T junction). ``sides`` are left and right.
    """

    half_width: float
    sides: tuple[Side, Side]
    kerb: float
    bend: float = 0.0
    bend_start: float = 10.0
    bend_length: float = 90.0
    crossing: float | None = None
    crossing_half_width: float = 4.0
    corner: float = 2.0
    ends: bool = False

    def centre(self, y: Floats) -> Floats:
        """Return x of the centre line at ``y``."""
        along = np.maximum(y - self.bend_start, 0)
        turned = np.minimum(along, self.bend_length)
        return self.bend * (0.5 * turned * turned + self.bend_length * (along - turned))

    def centre_at(self, y: float) -> float:
        """Return x of the centre line at a single ``y``."""
        return float(self.centre(np.array(y)))

    def place(self, s: float, y: float, z: float = 0.0) -> tuple[Vector, float]:
        """Return the point ``s`` to the right of the centre line at ``y``, and the heading there.

        The point is (x, y, z) with the given ``z``; the heading is in radians.
        """
        heading = atan(self.bend * min(max(y - self.bend_start, 0.0), self.bend_length))
        return (self.centre_at(y) + s * cos(heading), y - s * sin(heading), z), heading

    def offset(self, x: Floats, y: Floats) -> Floats:
        """Return the distance to the right of the centre line."""
        if not self.bend:
            return x
        slope = self.bend * np.clip(y - self.bend_start, 0, self.bend_length)
        return (x - self.centre(y)) / np.sqrt(1 + slope * slope)

    def raised(self, x: Floats, y: Floats) -> Floats:
        """Return the distance from the kerb, positive on the raised ground beside the road.

        >>> side = Side(0.0, 2.0, True)
        >>> road = Road(4.0, (side, side), 0.1)
        >>> road.raised(np.array([-5.0, 1.0]), np.array([9.0, 9.0])).tolist()
        [1.0, -3.0]
        """
        beside = np.abs(self.offset(x, y)) - self.half_width
        if self.crossing is None:
            return beside
        if self.ends:
            beside = np.where(y > self.crossing, 50.0, beside)
        before = np.abs(y - self.crossing) - self.crossing_half_width
        nearest = np.minimum(beside, before)
        # The corners of the block are rounded like the kerbs of a real junction.
        r = self.corner
        rounded = r - np.sqrt(np.maximum(r - beside, 0) ** 2 + np.maximum(r - before, 0) ** 2)
        return np.where(nearest > r, nearest, rounded)

    def blocked(self, y0: float, y1: float, s: float) -> bool:
        """Return whether an object from y0 to y1 at offset s would block the crossing."""
        if self.crossing is None:
            return False
        reach = self.crossing_half_width + (0.5 if abs(s) > self.half_width else -100)
        beyond = self.ends and abs(s) <= self.half_width + 1 and y1 > self.crossing
        return beyond or (y0 < self.crossing + reach and y1 > self.crossing - reach)


@dataclass(frozen=True)
class Paving:
    """Colours (BGR reflectance) and markings of the ground; lengths in metres.

    ``lines`` are offsets of painted lines with their dash period (0 = solid), ``zebras`` the y of
    crosswalks, ``rails`` the offsets of tram tracks, ``slab`` the size of sidewalk slabs and
    ``patches`` the share of repaired asphalt.
    """

    asphalt: Colour
    walk: Colour
    grass: Colour
    lines: tuple[tuple[float, float], ...]
    zebras: tuple[float, ...]
    rails: tuple[float, ...]
    slab: float
    patches: float


@dataclass
class Track:
    """A strip along the street with the stretches of it that are taken.

    ``s`` is its offset from the centre line in metres; traffic drives away from the camera where
    ``ahead`` is true, else towards it.
    """

    s: float
    ahead: bool = True
    taken: list[tuple[float, float]] = field(default_factory=list)

    def meets(self, y0: float, y1: float) -> bool:
        """Return whether a part of the stretch from y0 to y1 is taken."""
        return any(y0 < end and start < y1 for start, end in self.taken)

    def claim(self, y0: float, y1: float) -> bool:
        """Take the stretch from y0 to y1 unless a part of it is taken already.

        >>> track = Track(0.0)
        >>> track.claim(5, 9), track.claim(8, 12), track.claim(9, 12)
        (True, False, True)
        """
        if self.meets(y0, y1):
            return False
        self.taken.append((y0, y1))
        return True


@dataclass(frozen=True)
class Street:
    """A road with its lanes; ``own`` is the camera's lane.

    With ``signals`` there are traffic lights at the crossing or the crosswalks.
    """

    road: Road
    paving: Paving
    lanes: tuple[Track, ...]
    parking: tuple[Track, ...]
    own: Track
    signals: bool


def _draw_side(rng: np.random.Generator, town: float) -> Side:
    if rng.uniform() < town:
        return Side(pick(rng, (0.0, 0.0, 1.2)), rng.uniform(2.0, 5.0), rng.uniform() < 0.75)
    return Side(rng.uniform(0, 3.0), pick(rng, (0.0, 1.5, 2.2)), False)


def draw_street(rng: np.random.Generator, tram: bool) -> Street:
    """Draw a street; ``tram`` adds a tram line on it or beside it."""
    town = pick(rng, (0.9, 0.3), (0.65, 0.35))
    lane, count = rng.uniform(2.9, 3.6), pick(rng, (1, 2), (0.7, 0.3))
    parked = (rng.uniform(size=2) < (0.55 if town > 0.5 else 0.2)).tolist()
    strip = 2.2 if any(parked) else 0.0
    # A reserved track between the two directions, or rails in the inner lanes.
    reserved = 3.4 if tram and rng.uniform() < 0.5 else 0.0
    half_width = reserved + count * lane + strip
    centres = [reserved + (k + 0.5) * lane for k in range(count)]
    lanes = tuple(Track(sign * s, ahead=sign > 0) for sign in (1, -1) for s in centres)
    parking = tuple(
        Track(sign * (half_width - 1.1), ahead=sign > 0)
        for sign, there in zip((-1, 1), parked, strict=True)
        if there
    )
    rails = ((-1.75, 1.75) if reserved else (-centres[0], centres[0])) if tram else ()
    sides = (_draw_side(rng, town), _draw_side(rng, town))
    crossing = rng.uniform(16, 50) if rng.uniform() < 0.5 else None
    zebras: tuple[float, ...] = ()
    cross_half = rng.uniform(3.2, 6.0)
    if crossing is not None and rng.uniform() < 0.7:
        zebras = (crossing - cross_half - 2.6, crossing + cross_half + 2.6)
    elif crossing is None and rng.uniform() < 0.35:
        zebras = (rng.uniform(9, 40),)
    bend = rng.normal(0, 1 / 450) if rng.uniform() < 0.55 else 0.0
    ends = crossing is not None and not tram and rng.uniform() < 0.3
    road = Road(
        half_width,
        sides,
        kerb=rng.uniform(0.05, 0.15),
        bend=min(max(bend, -1 / 160), 1 / 160),
        bend_start=rng.uniform(0, 25),
        crossing=crossing,
        crossing_half_width=cross_half,
        corner=rng.uniform(0.8, 4.0),
        ends=ends,
    )
    lines = [(0.0, pick(rng, (0.0, 6.0)))] if not reserved else [(-3.4, 0.0), (3.4, 0.0)]
    lines += [(sign * (reserved + lane), 6.0) for sign in (-1, 1) if count == 2]
    if rng.uniform() < 0.5:
        edge = half_width - strip if strip else half_width - 0.25
        lines += [(-edge, 0.0), (edge, 0.0)]
    if rng.uniform() < 0.2:
        lines = []
    tints = rng.uniform(0.95, 1.06, (2, 3))
    grey = rng.uniform(0.1, 0.34)
    walk = grey * rng.uniform(0.75, 1.9)
    grass = pick(rng, ((0.07, 0.2, 0.15), (0.1, 0.23, 0.2), (0.14, 0.26, 0.29)))
    paving = Paving(
        as_colour(grey * tints[0]),
        as_colour(np.clip(walk * tints[1] * (0.95, 1.0, 1.05), 0, 0.6)),
        scaled(grass, rng.uniform(0.7, 1.3)),
        tuple(lines),
        zebras,
        rails,
        slab=rng.uniform(0.4, 1.5),
        patches=rng.uniform(0, 0.6),
    )
    own = lanes[int(rng.integers(count))]
    return Street(road, paving, lanes, parking, own, rng.uniform() < 0.45)
