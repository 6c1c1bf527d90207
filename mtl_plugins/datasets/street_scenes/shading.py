"""Colours of everything the rays see: pattern, grain, sunlight, shadows and haze."""

from math import cos, sin

import numpy as np

from . import noise
from .camera import RayGrid
from .ground import Kerbs, Paving, paint_ground
from .labels import Label
from .primitives import PrimitiveTable
from .raster import FIRST, GROUND, NOTHING, Buffers, resolve_round
from .road import Road
from .scenery import Material, Shadow
from .texture import GRAIN, PATTERNS
from .weather import Weather, paint_sky

COARSE_RATE, FINE_RATE = 5.0, 45.0


def surface_normals(
    table: PrimitiveTable, buffers: Buffers, kerbs: Kerbs, grid: RayGrid
) -> np.ndarray:
    """Return the unit normals in the street frame, H,W,3 float32, 0 where nothing is seen.

    Also fills in the surface coordinates of round primitives.
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
    normals: np.ndarray,
    road: Road,
    paving: Paving,
    shadows: list[Shadow],
    weather: Weather,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the radiance H,W,3 float32 (BGR) and the labels H,W uint8 of the grid's samples."""
    surface, depth = buffers.surface, np.minimum(buffers.depth, 1000)
    looks, none = table.looks, [0.0] * FIRST
    colours = np.array([(0, 0, 0)] * FIRST + [k.colour for k in looks], np.float32)
    colour = colours.take(surface, axis=0)
    labels = np.concatenate([[Label.SKY, Label.ROAD], table.label]).astype(np.uint8).take(surface)

    size = depth * np.float32(grid.spread)
    shift = (np.arange(len(looks) + FIRST) * 29.0 % 251).astype(np.float32)
    shift[GROUND] = 0
    shift = shift.take(surface)
    u, v = buffers.u, buffers.v
    coarse = noise.sample(u * COARSE_RATE + shift, v * COARSE_RATE)
    fine = noise.sample(u * FINE_RATE, v * FINE_RATE + shift)
    # Grain finer than a sample averages out.
    coarse *= np.clip(1.6 - size * (COARSE_RATE / 6), 0.15, 1)
    fine *= np.clip(1.6 - size * (FINE_RATE / 6), 0.15, 1)

    flat = [a.reshape(-1) for a in (surface, u, v, depth, size, coarse, fine)]
    _paint_patterns(table, colour.reshape(-1, 3), *flat[:3], flat[4], flat[5])
    ground = np.flatnonzero(flat[0] == GROUND)
    ground_labels, ground_colour = paint_ground(
        road,
        paving,
        flat[1][ground],
        flat[2][ground],
        flat[3][ground],
        grid,
        flat[5][ground],
        flat[6][ground],
    )
    labels.reshape(-1)[ground] = ground_labels
    colour.reshape(-1, 3)[ground] = ground_colour
    stains, speckle = (
        np.array(none + [GRAIN[k.material][which] for k in looks], np.float32).take(surface)
        for which in (0, 1)
    )
    tone = 1 + stains * coarse + speckle * fine

    open_sky = _ground_light(buffers, grid, shadows, weather)
    direct = tone * open_sky * np.maximum(normals @ np.array(weather.sun, np.float32), 0)
    diffuse = tone * (0.62 + 0.38 * normals[..., 2]) * (0.45 + 0.55 * open_sky)
    glow = np.array(
        none + [k.params[0] if k.material == Material.LAMP else 0.0 for k in looks], np.float32
    ).take(surface)
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
    np.copyto(radiance[:rows], paint_sky(weather, grid, rows), where=empty[:rows, :, None])
    return radiance, labels


def _paint_patterns(
    table: PrimitiveTable,
    colour: np.ndarray,
    surface: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    size: np.ndarray,
    coarse: np.ndarray,
) -> None:
    """Overwrite the colours of primitives whose material is a pattern."""
    patterned = np.array([False] * FIRST + [k.material in PATTERNS for k in table.looks])
    where = np.flatnonzero(patterned[surface])
    # Sixteen bits sort by radix, several times faster.
    where = where[np.argsort(surface[where].astype(np.uint16), kind="stable")]
    numbers, starts = np.unique(surface[where], return_index=True)
    for number, start, stop in zip(numbers, starts, [*starts[1:], len(where)], strict=True):
        points = where[start:stop]
        look = table.looks[number - FIRST]
        at = u[points], v[points], size[points], coarse[points]
        colour[points] = PATTERNS[look.material](look, *at)


def _ground_light(
    buffers: Buffers, grid: RayGrid, shadows: list[Shadow], weather: Weather
) -> np.ndarray:
    """Return the share of light that reaches every sample: below 1 in shadows on the ground."""
    light = np.ones(grid.shape, np.float32)
    sun_x, sun_y, sun_z = weather.sun
    sunny = float(weather.sunlight.mean()) > 0.3
    for shadow in shadows:
        if shadow.half_width < 4:
            _darken(light, buffers, grid, shadow, 0.35, 0.5)
        if not sunny:
            continue
        reach = min(shadow.height / max(sun_z, 0.2), 14.0)
        x, y = shadow.x - 0.5 * reach * sun_x, shadow.y - 0.5 * reach * sun_y
        c, s = cos(shadow.heading), sin(shadow.heading)
        side, ahead = abs(sun_x * c - sun_y * s), abs(sun_x * s + sun_y * c)
        wide = shadow.half_width + 0.4 * reach * side
        long = shadow.half_length + 0.4 * reach * ahead
        _darken(light, buffers, grid, Shadow(x, y, shadow.heading, wide, long, 0.0), 0.55, 0.25)
    return light


def _darken(
    light: np.ndarray, buffers: Buffers, grid: RayGrid, shadow: Shadow, least: float, soft: float
) -> None:
    """Darken ground samples in the soft rectangle down to the share ``least``."""
    c, s = cos(shadow.heading), sin(shadow.heading)
    wide, long = shadow.half_width + soft, shadow.half_length + soft
    reach_x, reach_y = wide * abs(c) + long * abs(s), wide * abs(s) + long * abs(c)
    # No camera sees ground closer than two metres; farther on a shadow is thinner than a row.
    near, far = max(shadow.y - reach_y, 2.0), min(shadow.y + reach_y, 90.0)
    if near >= far:
        return
    points = [grid.on_ground(shadow.x + x, y) for x in (-reach_x, reach_x) for y in (near, far)]
    height, width = grid.shape
    columns, rows = zip(*points, strict=True)
    x0, x1 = int(min(max(min(columns), 0), width)), int(min(max(max(columns) + 2, 0), width))
    y0, y1 = int(min(max(min(rows), 0), height)), int(min(max(max(rows) + 2, 0), height))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    window = slice(y0, y1), slice(x0, x1)
    x, y = buffers.u[window] - np.float32(shadow.x), buffers.v[window] - np.float32(shadow.y)
    across, along = np.abs(x * c - y * s), np.abs(x * s + y * c)
    inside = np.minimum(wide - across, soft) * np.minimum(long - along, soft)
    outside = (across > wide) | (along > long) | (buffers.surface[window] != GROUND)
    np.copyto(inside, 0, where=outside)
    shaded = light[window]
    np.minimum(shaded, 1 - (1 - least) / soft**2 * inside, out=shaded)
