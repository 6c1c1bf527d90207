"""Sun, sky and haze."""

from dataclasses import dataclass
from math import cos, pi, sin

import cv2
import numpy as np

from . import noise
from .camera import RayGrid
from .draws import pick


@dataclass(frozen=True)
class Weather:
    """Light of a scene: colours are BGR radiances, ``sun`` a unit vector in the street frame.

    ``haze`` is the extinction in 1/m, ``cover`` the share of clouds, ``lit`` the share of lit
    windows.
    """

    sun: tuple[float, float, float]
    sunlight: np.ndarray
    skylight: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    haze: float
    cover: float
    lit: float


def draw_weather(rng: np.random.Generator) -> Weather:
    """Draw a clear, cloudy, overcast or dusky sky."""
    mood = pick(rng, ("clear", "cloudy", "overcast", "dusk"), (0.35, 0.25, 0.28, 0.12))
    azimuth = rng.uniform(0, 2 * pi)
    elevation = rng.uniform(0.06, 0.2) if mood == "dusk" else rng.uniform(0.35, 1.15)
    sun = (cos(elevation) * sin(azimuth), cos(elevation) * cos(azimuth), sin(elevation))
    grey = rng.uniform(0.55, 0.95)
    warm = np.array((0.8, 0.95, 1.0))
    blue = np.array((0.95, 0.72, 0.5))
    haze = float(np.exp(rng.uniform(np.log(0.0008), np.log(0.006))))
    if mood == "overcast":
        flat = grey * np.array((1.0, 0.98, 0.95)) * rng.uniform(0.92, 1.06, 3)
        return Weather(
            sun,
            0.1 * warm,
            0.85 * flat,
            flat * rng.uniform(0.75, 1.05),
            flat,
            1.5 * haze,
            0.9,
            0.05,
        )
    if mood == "dusk":
        tint = np.array((0.75, 0.62, 0.7)) * rng.uniform(0.85, 1.15, 3)
        return Weather(
            sun,
            0.3 * np.array((0.4, 0.7, 1.0)),
            0.6 * tint,
            0.3 * blue,
            0.55 * tint,
            haze,
            rng.uniform(0.2, 0.7),
            0.35,
        )
    cover = rng.uniform(0.0, 0.25) if mood == "clear" else rng.uniform(0.4, 0.8)
    strength = rng.uniform(1.0, 1.6) * (1.0 if mood == "clear" else 0.5)
    pale = np.array((1.0, 0.93, 0.86)) * rng.uniform(0.8, 1.0)
    zenith = blue * rng.uniform(0.45, 0.95)
    return Weather(sun, strength * warm, 0.38 * pale, zenith, pale, haze, cover, 0.03)


def paint_sky(weather: Weather, grid: RayGrid, rows: int) -> np.ndarray:
    """Return the radiance of the sky for the grid's first ``rows``, rows,W,3 float32."""
    if not rows:
        return np.zeros((0, grid.shape[1], 3), np.float32)
    # The sky is smooth: the pixel centres suffice.
    x, y, z = (grid.component(axis, slice(rows), slice(None, None, 2)) for axis in range(3))
    length = np.sqrt(x * x + y * y + z * z)
    rise = np.clip(z / length, 0.0, 1.0)
    blend = np.minimum(1.8 * np.sqrt(rise), 1)
    # Clouds drift on a plane high above; near the horizon they crowd together.
    reach = 70 / np.maximum(z / length + 0.12, 0.1)
    shift = 700 * weather.haze * 1e3 % 251
    puffs = noise.sample(x / length * reach + shift, y / length * reach)
    cloud = 0.8 * np.clip((puffs - 1 + 2 * weather.cover) * 1.6, 0, 1)
    towards = (x * weather.sun[0] + y * weather.sun[1] + z * weather.sun[2]) / length
    glow = np.exp(24 * (towards - 1))
    sky = np.empty((*z.shape, 3), np.float32)
    colours = (a.tolist() for a in (weather.zenith, weather.horizon, weather.sunlight))
    for channel, (zenith, horizon, sunlight) in enumerate(zip(*colours, strict=True)):
        clear = horizon + (zenith - horizon) * blend
        bright = horizon * (1.02 + 0.12 * puffs) + 0.25 * sunlight
        sky[..., channel] = clear + (bright - clear) * cloud + (0.5 * sunlight) * glow
    return cv2.resize(sky, (grid.shape[1], rows))
