"""What stands and moves on the street: vehicles, people and street furniture."""

from math import pi

import numpy as np

from .draws import pick
from .furniture import add_clutter, add_pole, add_sign, add_traffic_light
from .nature import add_bush, add_tree
from .people import add_bicycle, add_motorcycle, add_person
from .scenery import Scenery, Vector
from .street import Street, Track
from .vehicles import add_bus, add_car, add_tram, add_truck

LENGTHS = {"car": 5.2, "truck": 10.5, "bus": 13.0, "motorcycle": 2.4, "bicycle": 2.2}
# Chance of a scene to be asked for one more of a kind that plain traffic rarely brings.
GUESTS = {"truck": 0.4, "bus": 0.4, "motorcycle": 0.42, "bicycle": 0.42}


def _add_vehicle(
    scenery: Scenery, rng: np.random.Generator, kind: str, at: Vector, heading: float
) -> None:
    if kind == "car":
        add_car(scenery, rng, at, heading)
    elif kind == "truck":
        add_truck(scenery, rng, at, heading)
    elif kind == "bus":
        add_bus(scenery, rng, at, heading)
    elif kind == "motorcycle":
        add_motorcycle(scenery, rng, at, heading, ridden=True)
    else:
        add_bicycle(scenery, rng, at, heading, ridden=True)


def _drive(
    scenery: Scenery,
    rng: np.random.Generator,
    street: Street,
    lane: Track,
    kind: str,
    y: float,
    sway: float = 0.25,
) -> bool:
    """Put a vehicle with its middle at ``y`` in a lane; tell whether there was room."""
    half = LENGTHS[kind] / 2
    road = street.road
    first = 4.0 if kind in ("bicycle", "motorcycle") else 5.5
    if y - half < first or (road.ends and y + half > (road.crossing or 0)):
        return False
    if not lane.claim(y - half, y + half):
        return False
    s = lane.s + rng.normal(0, sway)
    if kind == "bicycle":
        s += 0.9 * (1 if lane.s > 0 else -1)
    x, at, turn = road.place(s, y)
    turn += rng.normal(0, 0.03) + (0.0 if lane.ahead else pi)
    _add_vehicle(scenery, rng, kind, (x, at, 0), turn)
    return True


def add_traffic(scenery: Scenery, rng: np.random.Generator, street: Street, tram: bool) -> None:
    """Fill the lanes and the parking strips, rare vehicles first."""
    density = rng.uniform(0.15, 0.8)
    if tram:
        _add_tram(scenery, rng, street)
    for kind, chance in GUESTS.items():
        if rng.uniform() < chance:
            for _ in range(6):
                lane = street.lanes[int(rng.integers(len(street.lanes)))]
                near = 13 if kind in ("truck", "bus") and lane is street.own else 6
                y = float(np.exp(rng.uniform(np.log(near), np.log(38)))) + LENGTHS[kind] / 2
                if _drive(scenery, rng, street, lane, kind, y):
                    break
    for lane in street.lanes:
        y = rng.uniform(8, 25) if lane is street.own else rng.uniform(3, 15)
        while y < 95:
            if rng.uniform() < density:
                kind = pick(
                    rng,
                    ("car", "truck", "bus", "motorcycle", "bicycle"),
                    (0.84, 0.05, 0.03, 0.04, 0.04),
                )
                _drive(scenery, rng, street, lane, kind, y + LENGTHS[kind] / 2)
            y += 5 + rng.exponential(4 + 0.25 * y)
    for strip in street.parking:
        y = rng.uniform(2, 8)
        while y < 80:
            if rng.uniform() < 0.75 and not street.road.blocked(y - 2, y + 7, strip.s):
                kind = "truck" if rng.uniform() < 0.05 else "car"
                _drive(scenery, rng, street, strip, kind, y + LENGTHS[kind] / 2, sway=0.08)
            y += 5.6 if rng.uniform() < 0.7 else rng.uniform(6, 20)


def _add_tram(scenery: Scenery, rng: np.random.Generator, street: Street) -> None:
    road, length = street.road, rng.uniform(7, 10)
    count = int(rng.integers(1, 4))
    s = street.tram[int(rng.integers(2))]
    first = float(np.exp(rng.uniform(np.log(9), np.log(32))))
    if abs(s - street.own.s) < 2:
        first += 6
    lanes = [lane for lane in street.lanes if abs(lane.s - s) < 2.2]
    if not all(lane.claim(first - 1, first + count * length + 1) for lane in lanes):
        return
    places = []
    for k in range(count):
        x, y, turn = road.place(s, first + (k + 0.5) * length)
        places.append(((x, y, 0.0), turn + (0.0 if s > 0 else pi)))
    add_tram(scenery, rng, places, length - 0.4)


def add_sidewalks(scenery: Scenery, rng: np.random.Generator, street: Street) -> None:
    """Add people, trees, poles, signs, parked two-wheelers and clutter beside the road."""
    road = street.road
    crowd = rng.uniform(2, 14)
    for sign, side in zip((-1, 1), road.sides, strict=True):
        kerbside, walk = Track(sign * (road.half_width + 0.55)), road.half_width + side.width * 0.6
        weights = np.array([0.2, 0.16, 0.16, 0.07, 0.13, 0.13, 0.15]) * rng.uniform(0.2, 1.8, 7)
        weights = (weights / weights.sum()).tolist()
        y = rng.uniform(4, 9)
        while y < 80:
            kind = pick(rng, range(7), weights)
            if not road.blocked(y - 1, y + 1, kerbside.s):
                _add_item(scenery, rng, street, kind, kerbside.s, y, sign)
            y += rng.uniform(1.5, 6) + 0.1 * y
        y = 3 + rng.exponential(crowd)
        while y < 65:
            if not road.blocked(y, y, walk + 1):
                s = sign * rng.uniform(road.half_width + 0.9, max(walk, road.half_width + 1.6))
                x, at, turn = road.place(s, y)
                place = (x, at, road.kerb)
                if rng.uniform() < 0.9:
                    turn += pick(rng, (0, pi, rng.uniform(0, 6.28)))
                    add_person(scenery, rng, place, turn)
                else:
                    add_bicycle(scenery, rng, place, turn, ridden=True)
            y += 0.7 + rng.exponential(crowd + 0.05 * y)


def _add_item(
    scenery: Scenery,
    rng: np.random.Generator,
    street: Street,
    kind: int,
    s: float,
    y: float,
    sign: int,
) -> None:
    road = street.road
    x, at, turn = road.place(s, y)
    place = (x, at, road.kerb)
    if kind == 0:
        if rng.uniform() < 0.8:
            add_tree(scenery, rng, place, rng.uniform(3.5, 9))
        else:
            add_bush(scenery, rng, place, rng.uniform(0.6, 1.2))
    elif kind == 1:
        add_pole(scenery, rng, place, turn - sign * pi / 2)
    elif kind == 2:
        add_sign(scenery, rng, place, turn + (pi if sign > 0 or rng.uniform() < 0.4 else 0.0))
    elif kind == 3:
        add_clutter(scenery, rng, place, turn)
    elif kind in (4, 5):
        add = add_bicycle if kind == 4 else add_motorcycle
        across = turn + pick(rng, (pi / 2, 0.0, 0.6)) + rng.normal(0, 0.1)
        for k in range(pick(rng, (1, 2, 4), (0.55, 0.3, 0.15))):
            x, at, _ = road.place(s + 0.4 * sign, y + 0.75 * k)
            add(scenery, rng, (x, at, road.kerb), across, ridden=False)
    else:
        add_person(scenery, rng, place, rng.uniform(0, 6.28))


def add_junction(scenery: Scenery, rng: np.random.Generator, street: Street) -> None:
    """Add traffic lights at the crossing and people on the crosswalks."""
    road = street.road
    stops = [road.crossing] if road.crossing is not None else list(street.paving.zebras)
    if street.signals and not stops:
        stops = [float(rng.uniform(12, 40))]
    reach = road.crossing_half_width + road.corner * 0.5 if road.crossing is not None else 2.2
    if street.signals:
        for sign in (-1, 1):
            for y in (stops[0] - reach, stops[0] + reach):
                if rng.uniform() < 0.85:
                    x, at, turn = road.place(sign * (road.half_width + 0.7), y)
                    arm = sign * (rng.uniform(2.5, 5.0) if rng.uniform() < 0.4 else 0.0)
                    facing = turn + (pi if rng.uniform() < 0.75 else -pi / 2 * sign)
                    add_traffic_light(scenery, rng, (x, at, road.kerb), facing, arm)
    for y in street.paving.zebras:
        for _ in range(int(rng.integers(0, 4))):
            s = rng.uniform(-1, 1) * road.half_width
            x, at, turn = road.place(s, y + rng.uniform(-1.2, 1.2))
            if all(lane.claim(at - 0.5, at + 0.5) for lane in street.lanes if abs(lane.s - s) < 2):
                add_person(scenery, rng, (x, at, 0), turn + pick(rng, (-1, 1)) * pi / 2)


def add_crossing_traffic(scenery: Scenery, rng: np.random.Generator, street: Street) -> None:
    """Let vehicles pass or wait on the crossing street."""
    road = street.road
    if road.crossing is None:
        return
    for sign in (-1, 1):
        y = road.crossing + sign * road.crossing_half_width / 2
        span = 1.3
        lane = Track(0.0)
        for _ in range(int(rng.integers(0, 4))):
            kind = pick(
                rng,
                ("car", "bus", "truck", "bicycle", "motorcycle"),
                (0.6, 0.1, 0.1, 0.1, 0.1),
            )
            x, half = rng.uniform(-25, 25), LENGTHS[kind] / 2
            crossed = [track for track in street.lanes if abs(track.s - x) < half + 1.5]
            free = all(not _meets(track, y - span, y + span) for track in crossed)
            if free and lane.claim(x - half, x + half):
                middle = float(road.centre(y)) + x
                _add_vehicle(scenery, rng, kind, (middle, y, 0), -sign * pi / 2)


def _meets(track: Track, y0: float, y1: float) -> bool:
    return any(y0 < end and start < y1 for start, end in track.taken or [])
