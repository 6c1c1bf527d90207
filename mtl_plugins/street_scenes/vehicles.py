"""Cars, trucks, buses and trams."""

import numpy as np

from .scenery import Colour, Label, Look, Material, Part, Scenery, Shape, Vector, pick, pick_paint

RUBBER = Look((0.035, 0.035, 0.035))
HUB = Look((0.35, 0.35, 0.36), shape=Shape.DISC)
DARK = Look((0.05, 0.05, 0.05))
GLASS = Look((0.09, 0.085, 0.08), Material.GLASS)
HEADLIGHT, TAILLIGHT = (0.85, 0.9, 0.9), (0.08, 0.06, 0.6)

_PAINTS = (
    (0.75, 0.76, 0.76),
    (0.45, 0.46, 0.47),
    (0.16, 0.16, 0.16),
    (0.05, 0.05, 0.05),
    (0.28, 0.14, 0.08),
    (0.08, 0.08, 0.45),
    (0.5, 0.28, 0.12),
    (0.16, 0.25, 0.14),
    (0.45, 0.58, 0.64),
    (0.1, 0.45, 0.7),
    (0.2, 0.28, 0.4),
)


def body_colour(rng: np.random.Generator) -> Colour:
    """Draw a BGR reflectance: greys mostly, as on real streets."""
    return pick_paint(rng, _PAINTS, 0.75, (0.02, 0.9))


def _add_wheels(part: Part, half_width: float, axles: tuple[float, ...], radius: float) -> None:
    tyre = RUBBER._replace(shape=Shape.DISC)
    for y in axles:
        # From ahead and behind, tyres and axle are one dark strip under the body.
        part.quad((0, y, radius * 0.6), (half_width - 0.03, 0, 0), (0, 0, radius * 0.6), RUBBER)
        for side in (-1, 1):
            x = side * (half_width + 0.012)
            ahead = (0, side * radius, 0)
            part.quad((x, y, radius), ahead, (0, 0, radius), tyre, False)
            inner = (0, side * radius * 0.6, 0)
            x += side * 0.006
            part.quad((x, y, radius), inner, (0, 0, radius * 0.6), HUB, False)


def _add_lights(part: Part, half_width: float, half_length: float, z: float, night: bool) -> None:
    glow = (1.4 if night else 0.7,)
    front, back = (Look(colour, Material.LAMP, glow) for colour in (HEADLIGHT, TAILLIGHT))
    for side in (-1, 1):
        x = side * (half_width - 0.2)
        part.quad((x, half_length + 0.015, z), (-0.17, 0, 0), (0, 0, 0.09), front, False)
        part.quad((x, -half_length - 0.015, z), (0.15, 0, 0), (0, 0, 0.1), back, False)
    plate = Look((0.75, 0.78, 0.78))
    part.quad((0, -half_length - 0.016, z - 0.2), (0.26, 0, 0), (0, 0, 0.06), plate, False)
    part.quad((0, half_length + 0.016, z - 0.25), (-0.26, 0, 0), (0, 0, 0.06), plate, False)


def _add_cabin(
    part: Part,
    base: tuple[float, float],
    roof: tuple[float, float],
    z: tuple[float, float],
    half: tuple[float, float],
    paint: Look,
) -> None:
    """Add the windows and roof of a car body.

    ``base`` and ``roof`` are y ranges, ``z`` the heights and ``half`` the half widths of both.
    """
    (y0, y1), (r0, r1), (z0, z1), (w0, w1) = base, roof, z, half
    middle, tall, lean = (z0 + z1) / 2, (z1 - z0) / 2, (w1 - w0) / 2
    taper = 1 - w1 / w0
    slope = GLASS._replace(shape=Shape.TAPER, cut=(taper, taper))
    part.quad((0, (y0 + r0) / 2, middle), (w0, 0, 0), (0, (r0 - y0) / 2, tall), slope, False)
    part.quad((0, (y1 + r1) / 2, middle), (-w0, 0, 0), (0, (r1 - y1) / 2, tall), slope, False)
    part.quad((0, (r0 + r1) / 2, z1), (w1, 0, 0), (0, (r1 - r0) / 2, 0), paint, False)
    long = (y1 - y0) / 2
    back, front = (r0 - y0) / long, (y1 - r1) / long
    for side in (-1, 1):
        x, y = side * (w0 + w1) / 2, (y0 + y1) / 2
        cut = (back, front) if side > 0 else (front, back)
        frame = paint._replace(shape=Shape.TAPER, cut=cut)
        along, up = (0, side * long, 0), (side * lean, 0, tall)
        part.quad((x, y, middle), along, up, frame, False)
        pane = GLASS._replace(shape=Shape.TAPER, cut=cut, params=(1.0,))
        x += side * 0.012
        inner = (side * lean * 0.8, 0, tall * 0.8)
        part.quad((x, y, middle), (0, side * long * 0.88, 0), inner, pane, False)


def add_car(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add a car (saloon, hatchback, estate, van or off-roader) of about 1.8 m x 4.3 m."""
    rng = scenery.rng
    part = Part(scenery, Label.CAR, at, heading, scenery.new_instance())
    style = pick(rng, ("saloon", "hatchback", "estate", "van", "off-roader"))
    half_width, half_length = rng.uniform(0.84, 0.93), rng.uniform(1.85, 2.35)
    waist, top = rng.uniform(0.82, 0.95), rng.uniform(1.4, 1.55)
    rear, front = (-1.5, 0.95) if style == "saloon" else (-half_length + 0.1, 0.95)
    if style == "van":
        waist, top, front, half_length = 1.05, rng.uniform(1.85, 2.1), half_length - 0.6, 2.45
        rear = -half_length + 0.03
    if style == "off-roader":
        waist, top = 1.05, rng.uniform(1.65, 1.8)
    paint = Look(body_colour(rng))
    night = rng.uniform() < 0.3
    middle, tall = (waist + 0.28) / 2, (waist - 0.28) / 2
    part.box((0, 0, middle), (half_width, half_length, tall), paint)
    for end in (-1, 1):
        y = end * (half_length + 0.01)
        part.quad((0, y, 0.35), (-end * (half_width - 0.04), 0, 0), (0, 0, 0.12), DARK, False)
    slant = {"van": 0.1, "off-roader": 0.1, "saloon": 0.55}.get(style, 0.3)
    roof, widths = (rear + slant, front - 0.7), (half_width - 0.03, half_width - 0.2)
    _add_cabin(part, (rear, front), roof, (waist, top), widths, paint)
    _add_wheels(part, half_width, (-half_length * 0.62, half_length * 0.62), rng.uniform(0.3, 0.35))
    _add_lights(part, half_width, half_length, waist - 0.2, night)
    part.shadow(half_width, half_length, 1.0)


def add_truck(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add a lorry: a cab and a box, a tarpaulin or a skip behind it, 6 m to 10 m long."""
    rng = scenery.rng
    part = Part(scenery, Label.TRUCK, at, heading, scenery.new_instance())
    half_width, half_length = rng.uniform(1.05, 1.25), rng.uniform(3.0, 5.0)
    tall = rng.uniform(2.7, 3.7)
    cab, cargo = Look(body_colour(rng)), body_colour(rng)
    ribs = (rng.uniform(0.3, 1.5), rng.uniform(0, 0.25))
    load = Look(cargo, Material.PANEL, (*ribs, *body_colour(rng)))
    deck, box_top = 0.95, tall if rng.uniform() < 0.75 else 1.9
    front = half_length - 1.9
    part.box(
        (0, (front - half_length) / 2, (deck + box_top) / 2),
        (half_width, (front + half_length) / 2 - 0.1, (box_top - deck) / 2),
        load,
    )
    part.box((0, -0.2, 0.75), (half_width - 0.25, half_length - 0.4, 0.2), DARK)
    cab_top = min(tall, 2.9) - 0.1
    part.box(
        (0, half_length - 0.9, (cab_top + 0.5) / 2),
        (half_width - 0.05, 0.9, (cab_top - 0.5) / 2),
        cab,
    )
    windscreen = (0, half_length + 0.012, cab_top - 0.65)
    part.quad(windscreen, (-half_width + 0.15, 0, 0), (0, 0, 0.4), GLASS)
    for side in (-1, 1):
        x = side * (half_width - 0.035)
        part.quad((x, half_length - 0.7, cab_top - 0.65), (0, 0.45 * side, 0), (0, 0, 0.36), GLASS)
    _add_wheels(part, half_width - 0.02, (-half_length * 0.6, half_length - 1.1), 0.48)
    _add_lights(part, half_width, half_length, 0.85, rng.uniform() < 0.3)
    part.shadow(half_width, half_length, 2.5)


def add_bus(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add a city bus of about 2.5 m x 11 m x 3.1 m."""
    rng = scenery.rng
    part = Part(scenery, Label.BUS, at, heading, scenery.new_instance())
    half_width, half_length, tall = 1.27, rng.uniform(4.5, 6.2), rng.uniform(2.9, 3.3)
    _add_coach(part, rng, (half_width, half_length), (0.3, tall), 1.0, end_glass=True)
    sign = Look((0.1, 0.55, 0.8), Material.LAMP, (1.1,))
    for end in (-1, 1):
        y = end * (half_length + 0.014)
        part.quad((0, y, tall - 0.22), (-0.9 * end, 0, 0), (0, 0, 0.17), DARK, False)
        y += end * 0.01
        part.quad((0, y, tall - 0.22), (-0.5 * end, 0, 0), (0, 0, 0.08), sign, False)
    _add_wheels(part, half_width, (-half_length * 0.5, half_length * 0.6), 0.48)
    _add_lights(part, half_width, half_length, 0.75, rng.uniform() < 0.3)
    part.shadow(half_width, half_length, 2.8)


def _add_coach(
    part: Part,
    rng: np.random.Generator,
    half: tuple[float, float],
    z: tuple[float, float],
    sill: float,
    end_glass: bool,
) -> None:
    """Add the body of a bus or tram: painted, with a band of windows and doors in its sides."""
    (half_width, half_length), (low, high) = half, z
    paint, stripe = body_colour(rng), body_colour(rng)
    sides = Look(paint, Material.COACH, (sill - low + 0.15, high - low - 0.55, 1.35, *stripe))
    plain = Look(paint)
    middle, tall = (low + high) / 2, (high - low) / 2
    part.box((0, 0, middle), (half_width, half_length, tall), sides, ends=plain, top=plain)
    if end_glass:
        glass = (high - sill - 0.65) / 2
        for end in (-1, 1):
            centre = (0, end * (half_length + 0.01), sill + 0.15 + glass)
            across = (-end * (half_width - 0.13), 0, 0)
            part.quad(centre, across, (0, 0, glass), GLASS, False)


def add_tram(scenery: Scenery, places: list[tuple[Vector, float]], length: float) -> None:
    """Add a tram with one section of ``length`` metres at each (place, heading)."""
    instance = scenery.new_instance()
    # Every section draws the same colours.
    colours = int(scenery.rng.integers(2**31))
    for number, (at, heading) in enumerate(places):
        part = Part(scenery, Label.TRAIN, at, heading, instance)
        same = np.random.default_rng(colours)
        ends = number in (0, len(places) - 1)
        _add_coach(part, same, (1.25, length / 2), (0.25, 3.35), 1.15, end_glass=ends)
        part.box((0, 0, 3.5), (0.7, length * 0.3, 0.15), Look((0.3, 0.3, 0.3)))
        part.box((0, 0, 0.2), (1.1, length * 0.4, 0.2), DARK)
        part.tube((-0.7, 0.5, 4.4), (0.7, 0.5, 4.4), 0.04, DARK)
        part.tube((0, -0.5, 3.6), (0, 0.5, 4.4), 0.04, DARK)
        if ends:
            _add_lights(part, 1.2, length / 2, 0.8, same.uniform() < 0.5)
        part.shadow(1.25, length / 2, 2.8)
