"""Laying out a scene: a street, what stands beside it and what moves on it."""

from dataclasses import dataclass

import numpy as np

from .camera import Camera
from .lens import Lens, draw_lens
from .roadside import build_background, build_frontage
from .scenery import Scenery
from .street import Street, draw_street
from .traffic import add_crossing_traffic, add_junction, add_sidewalks, add_traffic
from .weather import Weather, draw_weather


@dataclass(frozen=True)
class Layout:
    """Everything a scene is rendered from; nothing in it depends on the image size."""

    street: Street
    scenery: Scenery
    weather: Weather
    lens: Lens
    view: Camera
    hood: float | None


def _draw_view(rng: np.random.Generator, street: Street) -> Camera:
    """Draw the camera for an image one pixel wide and half a pixel high."""
    focal = float(np.exp(rng.uniform(np.log(0.65), np.log(1.25))))
    return Camera(
        (1, 1),
        focal,
        2 * focal,
        0.5 + rng.uniform(-0.03, 0.03),
        0.5 + rng.uniform(-0.06, 0.06),
        height=rng.uniform(1.2, 2.2),
        pitch=rng.normal(0.02, 0.035),
        roll=rng.normal(0, 0.012),
        yaw=rng.normal(0, 0.06),
        lateral=street.own.s + rng.normal(0, 0.4),
    )


def lay_out(rng: np.random.Generator) -> Layout:
    """Draw a whole scene."""
    tram = bool(rng.uniform() < 0.34)
    street, weather, lens = draw_street(rng, tram), draw_weather(rng), draw_lens(rng)
    view = _draw_view(rng, street)
    hood = rng.uniform(0.04, 0.1) if rng.uniform() < 0.25 else None
    scenery = Scenery()
    for sign in (-1, 1):
        build_frontage(scenery, rng, street, sign, weather.lit)
    build_background(scenery, rng, street, weather.lit)
    add_traffic(scenery, rng, street, tram)
    add_crossing_traffic(scenery, rng, street)
    add_junction(scenery, rng, street)
    add_sidewalks(scenery, rng, street)
    return Layout(street, scenery, weather, lens, view, hood)
