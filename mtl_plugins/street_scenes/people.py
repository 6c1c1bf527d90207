"""Pedestrians, cyclists, motorcyclists and their two-wheelers."""

from math import cos, sin

import numpy as np

from .scenery import (
    Body,
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
from .vehicles import body_colour

SKINS: tuple[Colour, ...] = ((0.42, 0.52, 0.72), (0.28, 0.38, 0.55), (0.1, 0.16, 0.28))
METAL = Look((0.12, 0.12, 0.12))


def _cloth(rng: np.random.Generator) -> Look:
    if rng.uniform() < 0.5:
        return Look(as_colour(rng.uniform(0.03, 0.25, 3)), Material.CLOTH)
    bright = rng.uniform(0.05, 0.7, 3)
    return Look(as_colour(0.45 * bright + 0.55 * bright.mean()), Material.CLOTH)


def add_person(scenery: Scenery, at: Vector, heading: float) -> None:
    """Add a standing or walking person of 1.1 m to 1.95 m."""
    rng = scenery.rng
    part = Part(scenery, Label.PERSON, at, heading, scenery.new_instance())
    k = rng.normal(1.0, 0.05) if rng.uniform() < 0.85 else rng.uniform(0.62, 0.8)
    stride = rng.uniform(0.12, 0.32) if rng.uniform() < 0.6 else 0.03
    top, legs, skin = _cloth(rng), _cloth(rng), Look(pick(rng, SKINS))
    hair = Look(scaled((0.7, 0.85, 1.0), rng.uniform(0.02, 0.3)))
    for side, step in ((-1, stride), (1, -stride)):
        hip, knee = (0.09 * k * side, 0, 0.88 * k), (0.1 * k * side, step * 0.6, 0.47 * k)
        foot = (0.1 * k * side, step, 0.06 * k)
        part.limb(hip, knee, 0.095 * k, legs, Body.LEGS)
        part.limb(knee, foot, 0.07 * k, legs, Body.LEGS)
        toes = (0.1 * k * side, step + 0.06, 0.045)
        part.ball(toes, (0.05, 0.13 * k, 0.045), METAL, Body.LEGS)
        shoulder = (0.2 * k * side, 0, 1.4 * k)
        hand = (0.29 * k * side, -step * 0.8 + 0.05, 0.85 * k)
        part.limb(shoulder, hand, 0.06 * k, top, Body.ARMS)
        part.ball(hand, (0.045, 0.045, 0.06), skin, Body.ARMS)
    part.ball((0, 0, 1.16 * k), (0.2 * k, 0.13 * k, 0.36 * k), top, Body.TORSO)
    part.ball((0, 0, 1.36 * k), (0.23 * k, 0.11 * k, 0.12 * k), top, Body.TORSO)
    part.ball((0, 0.01, 1.63 * k), (0.085 * k, 0.1 * k, 0.125 * k), skin, Body.HEAD)
    part.ball((0, -0.02, 1.67 * k), (0.09 * k, 0.105 * k, 0.1 * k), hair, Body.HEAD)
    if rng.uniform() < 0.3:
        bag = _cloth(rng)
        part.ball((0, -0.18 * k, 1.2 * k), (0.15 * k, 0.11 * k, 0.22 * k), bag, Body.TORSO)
    if rng.uniform() < 0.25:
        part.ball((0, 0, 0.85 * k), (0.2 * k, 0.16 * k, 0.35 * k), top, Body.TORSO)
    part.shadow(0.25, 0.25, 1.6)


def _add_rider(part: Part, seat: float, bar: float, lean: float) -> None:
    """Add a person on a machine with the seat and the handlebar at these heights in metres.

    ``lean`` is the angle of the back to the vertical in radians.
    """
    rng = part.scenery.rng
    top, legs = _cloth(rng), _cloth(rng)
    neck = (0, -0.2 + 0.6 * sin(lean), seat + 0.58 * cos(lean))
    part.limb((0, -0.2, seat - 0.02), neck, 0.19, top, Body.TORSO)
    head = (0, neck[1] + 0.06, neck[2] + 0.16)
    helmet = Look(body_colour(rng)) if rng.uniform() < 0.6 else Look((0.05, 0.07, 0.1))
    part.ball(head, (0.09, 0.1, 0.12), Look(pick(rng, SKINS)), Body.HEAD)
    part.ball((0, head[1] - 0.03, head[2] + 0.04), (0.11, 0.13, 0.11), helmet, Body.HEAD)
    for side, pedal in ((-1, 0.16), (1, -0.08)):
        shoulder = (0.19 * side, neck[1], neck[2] - 0.06)
        part.limb(shoulder, (0.26 * side, 0.42, bar), 0.06, top, Body.ARMS)
        knee = (0.14 * side, 0.22, seat - 0.3 + pedal)
        part.limb((0.1 * side, -0.2, seat), knee, 0.095, legs, Body.LEGS)
        part.limb(knee, (0.12 * side, 0.02, 0.2 + pedal * 0.9), 0.07, legs, Body.LEGS)


def add_bicycle(scenery: Scenery, at: Vector, heading: float, ridden: bool = True) -> None:
    """Add a bicycle, with a rider if ``ridden``; frame and wheels are see-through."""
    rng = scenery.rng
    part = Part(scenery, Label.BICYCLE, at, heading, scenery.new_instance())
    frame = Look(scaled(body_colour(rng), 0.6), shape=Shape.BICYCLE)
    part.quad((0, 0, 0.525), (0, 0.875, 0), (0, 0, 0.525), frame)
    # Seen from ahead or behind only the tyres' and the bar's width shows.
    for y in (-0.535, 0.525):
        part.quad((0, y, 0.34), (0.03, 0, 0), (0, 0, 0.34), METAL)
    part.tube((-0.29, 0.32, 1.0), (0.29, 0.32, 1.0), 0.022, METAL)
    part.ball((0, -0.3, 0.93), (0.08, 0.13, 0.04), METAL)
    part.limb((-0.09, 0, 0.3), (0.09, 0, 0.3), 0.03, METAL)
    if rng.uniform() < 0.4:
        basket = Look(as_colour(rng.uniform(0.1, 0.4, 3)))
        part.box((0, 0.55, 0.85), (0.18, 0.14, 0.12), basket)
    if ridden:
        _add_rider(part.sibling(Label.RIDER), 0.97, 1.02, rng.uniform(0.25, 0.6))
    part.shadow(0.2, 0.8, 1.0)


def add_motorcycle(scenery: Scenery, at: Vector, heading: float, ridden: bool = True) -> None:
    """Add a motorcycle or a scooter, with a rider if ``ridden``."""
    rng = scenery.rng
    part = Part(scenery, Label.MOTORCYCLE, at, heading, scenery.new_instance())
    paint = Look(body_colour(rng))
    radius = rng.uniform(0.27, 0.33)
    steel = Look((0.4, 0.4, 0.4))
    for y in (-0.68, 0.72):
        part.ball((0, y, radius), (0.085, radius, radius), Look((0.03, 0.03, 0.03)))
        for side in (-1, 1):
            centre, ahead = (0.09 * side, y, radius), (0, side * radius * 0.5, 0)
            part.quad(centre, ahead, (0, 0, radius * 0.5), steel._replace(shape=Shape.DISC))
    if rng.uniform() < 0.5:
        part.ball((0, 0.2, 0.82), (0.17, 0.34, 0.17), paint)
        part.ball((0, 0.05, 0.45), (0.19, 0.34, 0.22), Look((0.16, 0.16, 0.16)))
        part.ball((0, -0.62, 0.82), (0.12, 0.3, 0.1), paint)
    else:
        part.box((0, 0.48, 0.62), (0.2, 0.06, 0.36), paint)
        part.box((0, 0.1, 0.3), (0.17, 0.4, 0.07), paint)
        part.ball((0, -0.42, 0.55), (0.2, 0.42, 0.28), paint)
    part.ball((0, -0.32, 0.82), (0.14, 0.38, 0.08), Look((0.04, 0.04, 0.04)))
    part.tube((0, 0.72, 0.3), (0, 0.46, 1.0), 0.05, steel)
    part.tube((-0.36, 0.42, 1.04), (0.36, 0.42, 1.04), 0.025, METAL)
    front = Look((0.8, 0.85, 0.85), Material.LAMP, (0.9,))
    part.ball((0, 0.58, 0.88), (0.1, 0.08, 0.1), front)
    back = Look((0.1, 0.08, 0.6), Material.LAMP, (0.9,))
    part.quad((0, -0.92, 0.72), (0.08, 0, 0), (0, 0, 0.05), back)
    if ridden:
        _add_rider(part.sibling(Label.RIDER), 0.88, 1.03, rng.uniform(0.05, 0.4))
    part.shadow(0.3, 0.9, 1.0)
