"""Weather, and the colours it gives to what the rays see: pattern, grain, sun, shadow and haze."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from . import noise
from .camera import RayGrid
from .ground import Kerbs, paint_ground
from .primitives import PrimitiveTable
from .raster import FIRST, GROUND, NOTHING, Buffers, resolve_round
from .scenery import Floats, Ints, Label, Material, Shadow, Vector, pick
from .street import Street
from .surfaces import GRAIN, PATTERNS, Points

COARSE_RATE, FINE_RATE = 5.0, 45.0


COARSE_RATE, FINE_RATE = 5.0, 45.0
"""Samples of the noise tile per metre of a surface, for stains and for fine grain."""


@dataclass(frozen=True)
class Weather:
    """Light of a scene.

    Attributes:
        sun: unit vector to the sun in the street frame.
        sunlight: BGR radiance, as are ``skylight``, ``zenith`` and ``horizon``.
        haze: extinction in 1/m.
        cover: share of the sky under clouds.
        lit: share of lit windows.
    """

    sun: Vector
    sunlight: NDArray[np.float64]
    skylight: NDArray[np.float64]
    zenith: NDArray[np.float64]
    horizon: NDArray[np.float64]
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
        zenith = flat * rng.uniform(0.75, 1.05)
        return Weather(sun, 0.1 * warm, 0.85 * flat, zenith, flat, 1.5 * haze, 0.9, 0.05)
    if mood == "dusk":
        tint = np.array((0.75, 0.62, 0.7)) * rng.uniform(0.85, 1.15, 3)
        red = 0.3 * np.array((0.4, 0.7, 1.0))
        cover = rng.uniform(0.2, 0.7)
        return Weather(sun, red, 0.6 * tint, 0.3 * blue, 0.55 * tint, haze, cover, 0.35)
    cover = rng.uniform(0.0, 0.25) if mood == "clear" else rng.uniform(0.4, 0.8)
    strength = rng.uniform(1.0, 1.6) * (1.0 if mood == "clear" else 0.5)
    pale = np.array((1.0, 0.93, 0.86)) * rng.uniform(0.8, 1.0)
    zenith = blue * rng.uniform(0.45, 0.95)
    return Weather(sun, strength * warm, 0.38 * pale, zenith, pale, haze, cover, 0.03)


def surface_normals(
    table: PrimitiveTable, buffers: Buffers, kerbs: Kerbs, grid: RayGrid
) -> NDArray[np.float32]:
    """Return the unit normals in the street frame, H,W,3 float32, 0 where nothing is seen.

    This also fills in the surface coordinates of round primitives.
    """
    plain = np.zeros((len(table.looks) + FIRST, 3), np.float32)
    plain[GROUND] = (0, 0, 1)
    plain[FIRST:] = table.normal
    normals = plain.take(buffers.surface, axis=0)
    open_kerb = buffers.surface.reshape(-1)[kerbs.where] == GROUND
    normals.reshape(-1, 3)[kerbs.where[open_kerb]] = kerbs.normals[open_kerb]
    resolve_round(table, grid, buffers, normals)
    return normals


def shade(
    table: PrimitiveTable,
    buffers: Buffers,
    grid: RayGrid,
    normals: Floats,
    street: Street,
    shadows: Sequence[Shadow],
    weather: Weather,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the radiance H,W,3 float32 (BGR) and the labels H,W uint8 of the grid's samples."""
    surface, depth = buffers.surface, np.minimum(buffers.depth, 1000)
    nothing = np.zeros((FIRST, 3), np.float32)
    colour = np.concatenate([nothing, table.colour]).take(surface, axis=0)
    labels = np.concatenate([[Label.SKY, Label.ROAD], table.label]).astype(np.uint8).take(surface)

    size = depth * np.float32(grid.spread)
    shift = (np.arange(len(table.looks) + FIRST) * 29.0 % 251).astype(np.float32)
    shift[GROUND] = 0
    shift = shift.take(surface)
    u, v = buffers.u, buffers.v
    coarse = noise.sample(u * COARSE_RATE + shift, v * COARSE_RATE)
    fine = noise.sample(u * FINE_RATE, v * FINE_RATE + shift)
    # Grain finer than a sample averages out.
    coarse *= np.clip(1.6 - size * (COARSE_RATE / 6), 0.15, 1)
    fine *= np.clip(1.6 - size * (FINE_RATE / 6), 0.15, 1)

    # Flat views of the samples, through which primitives and ground are painted.
    flat_depth, flat_fine = depth.reshape(-1), fine.reshape(-1)
    at = Points(u.reshape(-1), v.reshape(-1), size.reshape(-1), coarse.reshape(-1))
    _paint_patterns(table, colour.reshape(-1, 3), surface.reshape(-1), at)
    ground = np.flatnonzero(surface == GROUND)
    ground_labels, ground_colour = paint_ground(
        street.road,
        street.paving,
        at.u[ground],
        at.v[ground],
        flat_depth[ground],
        grid,
        at.grain[ground],
        flat_fine[ground],
    )
    labels.reshape(-1)[ground] = ground_labels
    colour.reshape(-1, 3)[ground] = ground_colour
    grains = np.array([GRAIN[k] for k in sorted(GRAIN)], np.float32)[table.material]
    stains, speckle = np.concatenate([nothing[:, :2], grains]).T.take(surface, axis=1)
    tone = 1 + stains * coarse + speckle * fine

    open_sky = _ground_light(buffers, grid, shadows, weather)
    direct = tone * open_sky * np.maximum(normals @ np.array(weather.sun, np.float32), 0)
    diffuse = tone * (0.62 + 0.38 * normals[..., 2]) * (0.45 + 0.55 * open_sky)
    glow = np.zeros(len(table.looks) + FIRST, np.float32)
    for lamp in np.flatnonzero(table.material == Material.LAMP).tolist():
        glow[lamp + FIRST] = table.looks[lamp].params[0]
    glow = glow.take(surface)
    air = np.exp(depth * np.float32(-weather.haze))
    # Channel by channel: long contiguous rows are much faster than triples.
    radiance = np.empty_like(colour)
    for channel in range(3):
        sunlight, skylight, haze = (
            float(x[channel]) for x in (weather.sunlight, weather.skylight, 0.9 * weather.horizon)
        )
        light = np.maximum(direct * sunlight + diffuse * skylight, glow)
        radiance[..., channel] = haze + (colour[..., channel] * light - haze) * air
    empty = surface == NOTHING
    rows = int(np.flatnonzero(empty.any(1))[-1]) + 1 if empty.any() else 0
    np.copyto(radiance[:rows], _paint_sky(weather, grid, rows), where=empty[:rows, :, None])
    return radiance, labels


def _paint_patterns(table: PrimitiveTable, colour: Floats, surface: Ints, samples: Points) -> None:
    """Overwrite the colours of primitives whose material is a pattern.

    ``colour`` (N,3) and ``surface`` belong to the N samples.
    """
    patterned = np.append([False] * FIRST, np.isin(table.material, list(PATTERNS)))
    where = np.flatnonzero(patterned.take(surface))
    # NumPy sorts 16-bit integers by radix, which is several times faster.
    where = where[np.argsort(surface[where].astype(np.uint16), kind="stable")]
    starts = np.flatnonzero(np.diff(surface[where])) + 1
    for points in np.split(where, starts) if where.size else ():
        look = table.looks[surface[points[0]] - FIRST]
        at = Points(*(values[points] for values in samples))
        colour[points] = PATTERNS[look.material](look, at)


def _ground_light(
    buffers: Buffers, grid: RayGrid, shadows: Sequence[Shadow], weather: Weather
) -> NDArray[np.float32]:
    """Return the share of light that reaches every sample: below 1 in shadows on the ground."""
    light = np.ones(grid.shape, np.float32)
    rectangles = np.array(shadows).reshape(-1, 6).T
    x, y, heading, wide, long, height = rectangles
    _darken(light, buffers, grid, rectangles[:5, wide < 4], 0.35, 0.5)
    if weather.sunlight.mean() > 0.3:
        sun_x, sun_y, sun_z = weather.sun
        c, s = np.cos(heading), np.sin(heading)
        reach = np.minimum(height / max(sun_z, 0.2), 14.0)
        wide = wide + 0.4 * reach * np.abs(sun_x * c - sun_y * s)
        long = long + 0.4 * reach * np.abs(sun_x * s + sun_y * c)
        x, y = x - 0.5 * reach * sun_x, y - 0.5 * reach * sun_y
        _darken(light, buffers, grid, np.stack([x, y, heading, wide, long]), 0.55, 0.25)
    return light


def _darken(
    light: Floats,
    buffers: Buffers,
    grid: RayGrid,
    rectangles: Floats,
    least: float,
    soft: float,
) -> None:
    """Darken ground samples in soft rectangles down to the share ``least``.

    ``rectangles`` are 5,N: x, y, heading and the half width and length.
    """
    x, y, heading, wide, long = rectangles
    c, s = np.cos(heading), np.sin(heading)
    wide, long = wide + soft, long + soft
    reach_x, reach_y = wide * abs(c) + long * abs(s), wide * abs(s) + long * abs(c)
    # No camera sees ground closer than two metres; beyond 90 m shadows are thinner than a row.
    near, far = np.maximum(y - reach_y, 2.0), np.minimum(y + reach_y, 90.0)
    left, right = x - reach_x, x + reach_x
    corners = grid.on_ground(np.stack([left, right, left, right]), np.stack([near, near, far, far]))
    (x0, x1), (y0, y1) = (
        np.clip([a.min(0), a.max(0) + 2], 0, most).astype(int)
        for a, most in zip(corners, grid.shape[::-1], strict=True)
    )
    seen = (near < far) & (x1 - x0 >= 4) & (y1 - y0 >= 4)
    terms = np.stack([x, y, c, s, wide, long])[:, seen].T.tolist()
    bounds = np.stack([x0, x1, y0, y1])[:, seen].T.tolist()
    for (x, y, c, s, wide, long), (x0, x1, y0, y1) in zip(terms, bounds, strict=True):
        window = slice(y0, y1), slice(x0, x1)
        side, ahead = buffers.u[window] - x, buffers.v[window] - y
        across, along = np.abs(side * c - ahead * s), np.abs(side * s + ahead * c)
        inside = np.clip(wide - across, 0, soft) * np.clip(long - along, 0, soft)
        inside *= buffers.surface[window] == GROUND
        shaded = light[window]
        np.minimum(shaded, 1 - (1 - least) / soft**2 * inside, out=shaded)


def _paint_sky(weather: Weather, grid: RayGrid, rows: int) -> Floats:
    """Return the radiance of the sky for the grid's first ``rows``, rows,W,3 float32."""
    if not rows:
        return np.zeros((0, grid.shape[1], 3), np.float32)
    # The sky is smooth: the pixel centres suffice.
    x, y, z = (grid.component(axis, slice(rows), slice(None, None, 2)) for axis in range(3))
    length = np.sqrt(x * x + y * y + z * z)
    rise = np.clip(z / length, 0.0, 1.0)
    blend = np.minimum(1.8 * np.sqrt(rise), 1)
    # Clouds lie on a plane high above, so they get denser towards the horizon.
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
    return np.asarray(cv2.resize(sky, (grid.shape[1], rows)), np.float32)
