"""Patterns painted on primitives, in metres on the surface.

Every pattern maps N surface points to N,3 BGR reflectances. ``u`` and ``v`` are metres from the
surface's lower left corner, ``size`` the metres a sample covers, ``grain`` noise in -1..1.
"""

from collections.abc import Callable

import numpy as np

from . import noise
from .scenery import Look, Material, Shape

Pattern = Callable[[Look, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _inside(x: np.ndarray, half: float | np.ndarray, size: np.ndarray) -> np.ndarray:
    """Coverage of |x| < half by samples of that size."""
    # On a few points np.clip takes several times as long.
    return np.minimum(np.maximum((half - np.abs(x)) / size + 0.5, 0), 1)


def _choose(where: np.ndarray, here: float, elsewhere: float) -> np.ndarray:
    return np.where(where, np.float32(here), np.float32(elsewhere))


def _mix(base: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    return base + (np.asarray(other, np.float32) - base) * share[:, None]


def _glass(look: Look, v: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Dark panes that mirror a vague, brighter surrounding towards their top."""
    mirrored = np.clip(0.25 + 0.35 * v + 0.5 * grain, 0, 1)[:, None]
    return np.array(look.colour, np.float32) + mirrored * np.array((0.24, 0.21, 0.19), np.float32)


def _blocks(
    look: Look, u: np.ndarray, v: np.ndarray, size: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """Masonry of ``params`` = (block length, course height) metres."""
    length, course = look.params[:2]
    row = np.floor(v / course)
    shifted = u / length + 0.5 * noise.repeat(row, 2)
    joint = np.maximum(
        _inside((noise.repeat(v / course, 1) - 0.5) * course, 0.012, size),
        _inside((noise.repeat(shifted, 1) - 0.5) * length, 0.012, size),
    ) * np.clip(course / size / 4, 0, 1)
    stone = noise.scatter(np.floor(shifted).astype(np.int32), row.astype(np.int32))
    tone = 1 - 0.35 * joint + 0.35 * (stone - 0.5) * np.clip(course / size - 0.5, 0, 1)
    return tone[:, None] * np.array(look.colour, np.float32)


def _facade(
    look: Look, u: np.ndarray, v: np.ndarray, size: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """Storeys of windows, with shops or doors on the ground floor.

    ``params`` = (bay, storey, window width and height as shares of them, has shops, share of lit
    windows, a seed, is brick, shop colour).
    """
    bay, storey, wide, tall, shop, lit, seed, brick = look.params[:8]
    base = (
        _blocks(look._replace(params=(0.25, 0.09)), u, v, size, grain)
        if brick
        else np.tile(np.array(look.colour, np.float32), (u.size, 1))
    )
    column, floor = np.floor(u / bay), np.floor(v / storey)
    x, y = (u / bay - column - 0.5) * bay, (v / storey - floor - 0.5) * storey
    street = floor == 0
    column, floor = column.astype(np.int32), floor.astype(np.int32)
    chance = noise.scatter(column + int(seed), floor * 3 + int(seed * 7))
    if shop:
        base = _mix(base, look.params[8:11], street.astype(np.float32))
        half_x = _choose(street, 0.44 * bay, 0.5 * wide * bay)
        half_y = _choose(street, 0.36 * storey, 0.5 * tall * storey)
    else:
        # Every few bays a door reaches down to the ground.
        door = street & ((column + int(seed)) % 4 == 0)
        half_x = _choose(door, 0.5, 0.5 * wide * bay)
        half_y = _choose(door, 0.4 * storey, 0.5 * tall * storey)
        y = np.where(door, y + 0.1 * storey, y)
    frame = _inside(x, half_x + 0.09, size) * _inside(y, half_y + 0.09, size)
    pane = _inside(x, half_x, size) * _inside(y, half_y, size)
    bars = np.maximum(_inside(x, 0.03, size), _inside(y - 0.2 * half_y, 0.025, size))
    pane *= 1 - bars * np.clip(0.06 / size, 0, 1) * ~street
    trim = np.array(look.colour, np.float32)
    trim = np.clip(trim * 1.35 + 0.05, 0, 0.85) if trim.mean() < 0.4 else trim * 0.7
    base = _mix(base, trim, frame)
    glass = 0.05 + 0.22 * chance + 0.12 * np.clip(y / storey + grain, -0.4, 0.6)
    glass = glass[:, None] * np.array((1.08, 1.0, 0.94), np.float32)
    bright = (chance > 1 - lit)[:, None]
    glass = np.where(bright, np.array((0.45, 0.75, 0.95), np.float32), glass)
    return base + (glass - base) * pane[:, None]


def _coach(
    look: Look, u: np.ndarray, v: np.ndarray, size: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """Side of a bus or a tram: ``params`` = (sill, window top, window pitch, stripe colour)."""
    low, high, pitch = look.params[:3]
    base = np.tile(np.array(look.colour, np.float32), (u.size, 1))
    base = _mix(base, look.params[3:6], _inside(v - 0.3, 0.25, size))
    cell = np.floor(u / pitch)
    x = np.abs(u - (cell + 0.5) * pitch)
    door = cell.astype(np.int32) % 4 == 1
    bottom = _choose(door, 0.15, low)
    middle, half = (bottom + high) / 2, (high - bottom) / 2
    pane = _inside(x, 0.5 * pitch - 0.06, size) * _inside(v - middle, half, size)
    pane *= 1 - door * _inside(x, 0.04, size)
    glass = _glass(look._replace(colour=(0.06, 0.055, 0.05)), v * 0.3, grain)
    return base + (glass - base) * pane[:, None]


def _panel(
    look: Look, u: np.ndarray, v: np.ndarray, size: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """Ribbed sheet or tiles: ``params`` = (rib period, rib depth 0..1, emblem colour)."""
    period, strength = look.params[:2]
    rib = np.sin(u * (2 * np.pi / period)) * strength * np.clip(period / size / 3 - 0.5, 0, 1)
    base = (1 + 0.5 * rib)[:, None] * np.array(look.colour, np.float32)
    emblem = noise.repeat(u + 1.0, 6.0) - 3.0
    patch = _inside(emblem, 1.2, size) * _inside(v - 1.4, 0.45, size)
    return _mix(base, look.params[2:5], patch)


def _sign(
    look: Look, u: np.ndarray, v: np.ndarray, size: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """Sign face: ``params`` = (half width, half height, inner colour, is a triangle)."""
    wide, tall, *inner, triangle = look.params
    x, y = u / wide - 1, v / tall - 1
    if triangle:
        # Distances to the three edges from the centroid, a third of the height up.
        y = y + np.float32(1 / 3)
        rim = 1.5 * np.maximum(np.abs(x) + 0.5 * y, -y)
    elif look.shape == Shape.DISC:
        rim = np.sqrt(x * x + y * y)
    else:
        rim = np.maximum(np.abs(x), np.abs(y))
    base = np.tile(np.array(look.colour, np.float32), (u.size, 1))
    face = np.clip((0.76 - rim) * tall / size + 0.5, 0, 1)
    base = _mix(base, inner, face)
    mark = 0.06 if np.mean(inner) > 0.5 else 0.8
    bars = _inside(x, 0.16, size) * _inside(y + 0.05, 0.42, size)
    bars = np.maximum(bars, _inside(x, 0.42, size) * _inside(y + 0.1, 0.13, size))
    return _mix(base, (mark, mark, mark), bars * face)


def _pane(
    look: Look, u: np.ndarray, v: np.ndarray, size: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    return _glass(look, v, grain)


PATTERNS: dict[int, Pattern] = {
    Material.FACADE: _facade,
    Material.BLOCKS: _blocks,
    Material.GLASS: _pane,
    Material.COACH: _coach,
    Material.PANEL: _panel,
    Material.SIGN: _sign,
}

# Strength of the coarse stains and of the fine grain on every material.
GRAIN: dict[int, tuple[float, float]] = {
    Material.PAINT: (0.08, 0.03),
    Material.FACADE: (0.16, 0.1),
    Material.BLOCKS: (0.22, 0.16),
    Material.FOLIAGE: (0.55, 0.8),
    Material.GLASS: (0.05, 0.0),
    Material.LAMP: (0.0, 0.0),
    Material.COACH: (0.06, 0.02),
    Material.PANEL: (0.14, 0.06),
    Material.SIGN: (0.05, 0.03),
    Material.CLOTH: (0.12, 0.2),
}
