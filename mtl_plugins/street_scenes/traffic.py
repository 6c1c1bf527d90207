"""Placement of vehicles, people and street furniture on the street."""

from collections.abc import Callable
from math import pi

import numpy as np

from .objects import (
    add_bush,
    add_clutter,
    add_pole,
    add_sign,
    add_traffic_light,
    add_tree,
)
from .people import add_bicycle, add_motorcycle, add_person
from .scenery import Scenery, Vector, pick
from .street import Street, Track
from .vehicles import add_bus, add_car, add_tram, add_truck

LENGTHS = {"car": 5.2, "truck": 10.5, "bus": 13.0, "motorcycle": 2.4, "bicycle": 2.2}
"""Metres of a lane that a vehicle takes."""
GUESTS = {"truck": 0.4, "bus": 0.4, "motorcycle": 0.42, "bicycle": 0.42}
"""Chance that a scene gets one more vehicle of a kind that plain traffic rarely contains."""
ITEMS = {
    "plant": 0.2,
    "pole": 0.16,
    "sign": 0.16,
    "clutter": 0.07,
    "bicycle": 0.13,
    "motorcycle": 0.13,
    "person": 0.15,
}
"""Relative frequency of what is found along the kerb."""
_ADD: dict[str, Callable[[Scenery, Vector, float], None]] = {
    "car": add_car,
    "truck": add_truck,
    "bus": add_bus,
    "motorcycle": add_motorcycle,
    "bicycle": add_bicycle,
}


def _drive(
    scenery: Scenery, street: Street, lane: Track, kind: str, y: float, sway: float = 0.25
) -> bool:
    """Put a vehicle with its middle at ``y`` in a lane; return whether there was room."""
    rng, road, half = scenery.rng, street.road, LENGTHS[kind] / 2
    first = 4.0 if kind in ("bicycle", "motorcycle") else 5.5
    if y - half < first or (road.ends and y + half > (road.crossing or 0)):
        return False
    if not lane.claim(y - half, y + half):
        return False
    s = lane.s + rng.normal(0, sway)
    if kind == "bicycle":
        s += 0.9 * (1 if lane.s > 0 else -1)
    at, turn = road.place(s, y)
    _ADD[kind](scenery, at, turn + (rng.normal(0, 0.03) + (0.0 if lane.ahead else pi)))
    return True


def add_traffic(scenery: Scenery, street: Street, tram: bool) -> None:
    """Fill the lanes and the parking strips, rare vehicles first."""
    rng = scenery.rng
    density = rng.uniform(0.15, 0.8)
    if tram:
        _add_tram(scenery, street)
    for kind, chance in GUESTS.items():
        if rng.uniform() < chance:
            for _ in range(6):
                lane = pick(rng, street.lanes)
                near = 13 if kind in ("truck", "bus") and lane is street.own else 6
                y = float(np.exp(rng.uniform(np.log(near), np.log(38)))) + LENGTHS[kind] / 2
                if _drive(scenery, street, lane, kind, y):
                    break
    for lane in street.lanes:
        y = rng.uniform(8, 25) if lane is street.own else rng.uniform(3, 15)
        while y < 95:
            if rng.uniform() < density:
                kind = pick(rng, tuple(LENGTHS), (0.84, 0.05, 0.03, 0.04, 0.04))
                _drive(scenery, street, lane, kind, y + LENGTHS[kind] / 2)
            y += 5 + rng.exponential(4 + 0.25 * y)
    for strip in street.parking:
        y = rng.uniform(2, 8)
        while y < 80:
            if rng.uniform() < 0.75 and not street.road.blocked(y - 2, y + 7, strip.s):
                kind = "truck" if rng.uniform() < 0.05 else "car"
                _drive(scenery, street, strip, kind, y + LENGTHS[kind] / 2, sway=0.08)
            y += 5.6 if rng.uniform() < 0.7 else rng.uniform(6, 20)


def _add_tram(scenery: Scenery, street: Street) -> None:
    rng, road = scenery.rng, street.road
    length = rng.uniform(7, 10)
    count = int(rng.integers(1, 4))
    s = pick(rng, street.paving.rails)
    first = float(np.exp(rng.uniform(np.log(9), np.log(32))))
    if abs(s - street.own.s) < 2:
        first += 6
    lanes = [lane for lane in street.lanes if abs(lane.s - s) < 2.2]
    if not all(lane.claim(first - 1, first + count * length + 1) for lane in lanes):
        return
    places = []
    for k in range(count):
        at, turn = road.place(s, first + (k + 0.5) * length)
        places.append((at, turn + (0.0 if s > 0 else pi)))
    add_tram(scenery, places, length - 0.4)


def add_sidewalks(scenery: Scenery, street: Street) -> None:
    """Add people, trees, poles, signs, parked two-wheelers and clutter beside the road."""
    rng, road = scenery.rng, street.road
    crowd = rng.uniform(2, 14)
    for sign, side in zip((-1, 1), road.sides, strict=True):
        kerbside, walk = sign * (road.half_width + 0.55), road.half_width + side.width * 0.6
        shares = np.array(list(ITEMS.values())) * rng.uniform(0.2, 1.8, len(ITEMS))
        weights = (shares / shares.sum()).tolist()
        y = rng.uniform(4, 9)
        while y < 80:
            kind = pick(rng, tuple(ITEMS), weights)
            if not road.blocked(y - 1, y + 1, kerbside):
                _add_item(scenery, street, kind, kerbside, y, sign)
            y += rng.uniform(1.5, 6) + 0.1 * y
        y = 3 + rng.exponential(crowd)
        while y < 65:
            if not road.blocked(y, y, walk + 1):
                s = sign * rng.uniform(road.half_width + 0.9, max(walk, road.half_width + 1.6))
                at, turn = road.place(s, y, road.kerb)
                if rng.uniform() < 0.9:
                    turn += pick(rng, (0, pi, rng.uniform(0, 6.28)))
                    add_person(scenery, at, turn)
                else:
                    add_bicycle(scenery, at, turn)
            y += 0.7 + rng.exponential(crowd + 0.05 * y)


def _add_item(scenery: Scenery, street: Street, kind: str, s: float, y: float, sign: int) -> None:
    """Add one of ``ITEMS`` on the side ``sign`` (-1 left, 1 right) at offset ``s`` and ``y``."""
    rng, road = scenery.rng, street.road
    at, turn = road.place(s, y, road.kerb)
    if kind == "plant":
        if rng.uniform() < 0.8:
            add_tree(scenery, at, rng.uniform(3.5, 9))
        else:
            add_bush(scenery, at, rng.uniform(0.6, 1.2))
    elif kind == "pole":
        add_pole(scenery, at, turn - sign * pi / 2)
    elif kind == "sign":
        add_sign(scenery, at, turn + (pi if sign > 0 or rng.uniform() < 0.4 else 0.0))
    elif kind == "clutter":
        add_clutter(scenery, at, turn)
    elif kind in ("bicycle", "motorcycle"):
        add = add_bicycle if kind == "bicycle" else add_motorcycle
        across = turn + pick(rng, (pi / 2, 0.0, 0.6)) + rng.normal(0, 0.1)
        for k in range(pick(rng, (1, 2, 4), (0.55, 0.3, 0.15))):
            beside, _ = road.place(s + 0.4 * sign, y + 0.75 * k, road.kerb)
            add(scenery, beside, across, ridden=False)
    else:
        add_person(scenery, at, rng.uniform(0, 6.28))


def add_junction(scenery: Scenery, street: Street) -> None:
    """Add traffic lights at the crossing and people on the crosswalks."""
    rng, road = scenery.rng, street.road
    stops = [road.crossing] if road.crossing is not None else list(street.paving.zebras)
    if street.signals and not stops:
        stops = [rng.uniform(12, 40)]
    reach = road.crossing_half_width + road.corner * 0.5 if road.crossing is not None else 2.2
    if street.signals:
        for sign in (-1, 1):
            for y in (stops[0] - reach, stops[0] + reach):
                if rng.uniform() < 0.85:
                    at, turn = road.place(sign * (road.half_width + 0.7), y, road.kerb)
                    arm = sign * (rng.uniform(2.5, 5.0) if rng.uniform() < 0.4 else 0.0)
                    facing = turn + (pi if rng.uniform() < 0.75 else -pi / 2 * sign)
                    add_traffic_light(scenery, at, facing, arm)
    for y in street.paving.zebras:
        for _ in range(int(rng.integers(0, 4))):
            s = rng.uniform(-1, 1) * road.half_width
            at, turn = road.place(s, y + rng.uniform(-1.2, 1.2))
            near, far = at[1] - 0.5, at[1] + 0.5
            if all(lane.claim(near, far) for lane in street.lanes if abs(lane.s - s) < 2):
                add_person(scenery, at, turn + pick(rng, (-1, 1)) * pi / 2)


def add_crossing_traffic(scenery: Scenery, street: Street) -> None:
    """Put vehicles on the crossing street."""
    rng, road = scenery.rng, street.road
    if road.crossing is None:
        return
    for sign in (-1, 1):
        y = road.crossing + sign * road.crossing_half_width / 2
        lane = Track(0.0)
        for _ in range(int(rng.integers(0, 4))):
            kinds = ("car", "bus", "truck", "bicycle", "motorcycle")
            kind = pick(rng, kinds, (0.6, 0.1, 0.1, 0.1, 0.1))
            x, half = rng.uniform(-25, 25), LENGTHS[kind] / 2
            crossed = [track for track in street.lanes if abs(track.s - x) < half + 1.5]
            free = not any(track.meets(y - 1.3, y + 1.3) for track in crossed)
            if free and lane.claim(x - half, x + half):
                _ADD[kind](scenery, (road.centre_at(y) + x, y, 0), -sign * pi / 2)
