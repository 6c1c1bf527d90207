"""Colours of everything the rays see: pattern, grain, sunlight, shadows and haze."""

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
    patterned = np.append([False] * FIRST, np.isin(table.material, list(PATTERNS)))
    where = np.flatnonzero(patterned.take(surface))
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
    light: np.ndarray,
    buffers: Buffers,
    grid: RayGrid,
    rectangles: np.ndarray,
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
    # No camera sees ground closer than two metres; farther on a shadow is thinner than a row.
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
