"""Drawing a street: its lanes, kerbs, markings and crossing."""

from dataclasses import dataclass

import numpy as np

from .draws import pick
from .ground import Paving
from .road import Road, Side


@dataclass
class Track:
    """A strip along the street with the stretches of it that are taken.

    ``s`` is its offset from the centre line in metres; ``ahead`` tells whether traffic on it
    drives away from the camera.
    """

    s: float
    ahead: bool = True
    taken: list[tuple[float, float]] | None = None

    def claim(self, y0: float, y1: float) -> bool:
        """Take the stretch from y0 to y1 unless a part of it is taken already.

        >>> track = Track(0.0)
        >>> track.claim(5, 9), track.claim(8, 12), track.claim(9, 12)
        (True, False, True)
        """
        self.taken = self.taken or []
        if any(y0 < end and start < y1 for start, end in self.taken):
            return False
        self.taken.append((y0, y1))
        return True


@dataclass(frozen=True)
class Street:
    """A road with its lanes; ``own`` is the camera's lane, ``tram`` the offsets of rail tracks.

    ``signals`` tells whether traffic lights stand at the crossing or the crosswalks.
    """

    road: Road
    paving: Paving
    lanes: tuple[Track, ...]
    parking: tuple[Track, ...]
    own: Track
    tram: tuple[float, ...]
    signals: bool


def _draw_side(rng: np.random.Generator, town: float) -> Side:
    if rng.uniform() < town:
        return Side(pick(rng, (0.0, 0.0, 1.2)), rng.uniform(2.0, 5.0), rng.uniform() < 0.75)
    return Side(rng.uniform(0, 3.0), pick(rng, (0.0, 1.5, 2.2)), False)


def draw_street(rng: np.random.Generator, tram: bool) -> Street:
    """Draw a street, with a tram line on it or beside it if asked."""
    town = pick(rng, (0.9, 0.3), (0.65, 0.35))
    lane, count = rng.uniform(2.9, 3.6), pick(rng, (1, 2), (0.7, 0.3))
    parked = rng.uniform(size=2) < (0.55 if town > 0.5 else 0.2)
    strip = 2.2 if parked.any() else 0.0
    # A reserved track between the two directions, or rails in the inner lanes.
    reserved = 3.4 if tram and rng.uniform() < 0.5 else 0.0
    half_width = reserved + count * lane + strip
    centres = [reserved + (k + 0.5) * lane for k in range(count)]
    lanes = tuple(Track(sign * s, ahead=sign > 0) for sign in (1, -1) for s in centres)
    kerbside = half_width - 1.1
    parking = tuple(
        Track(sign * kerbside, ahead=sign > 0)
        for sign, there in ((-1, parked[0]), (1, parked[1]))
        if there
    )
    rails = ((-1.75, 1.75) if reserved else (-centres[0], centres[0])) if tram else ()
    sides = (_draw_side(rng, town), _draw_side(rng, town))
    crossing = float(rng.uniform(16, 50)) if rng.uniform() < 0.5 else None
    zebras: list[float] = []
    cross_half = rng.uniform(3.2, 6.0)
    if crossing is not None and rng.uniform() < 0.7:
        zebras = [crossing - cross_half - 2.6, crossing + cross_half + 2.6]
    elif crossing is None and rng.uniform() < 0.35:
        zebras = [float(rng.uniform(9, 40))]
    bend = rng.normal(0, 1 / 450) if rng.uniform() < 0.55 else 0.0
    ends = bool(crossing is not None and not tram and rng.uniform() < 0.3)
    road = Road(
        half_width,
        sides,
        kerb=rng.uniform(0.05, 0.15),
        bend=float(np.clip(bend, -1 / 160, 1 / 160)),
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
    grass = np.array(((0.07, 0.2, 0.15), (0.1, 0.23, 0.2), (0.14, 0.26, 0.29)))[
        int(rng.integers(3))
    ]
    paving = Paving(
        tuple(grey * tints[0]),
        tuple(np.clip(walk * tints[1] * (0.95, 1.0, 1.05), 0, 0.6)),
        tuple(grass * rng.uniform(0.7, 1.3)),
        tuple(lines),
        tuple(zebras),
        rails,
        slab=rng.uniform(0.4, 1.5),
        patches=rng.uniform(0, 0.6),
    )
    own = lanes[int(rng.integers(count))]
    return Street(road, paving, lanes, parking, own, rails, bool(rng.uniform() < 0.45))
