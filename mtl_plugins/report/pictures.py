"""How pictures, and what explains their colours, get into a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from PIL import Image

from ..visualization.painting import Bar

STOPS = 12
MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """A colour bar: its colours from end to end, and ticks as (percent of its length, text)."""

    caption: str
    colors: Sequence[str]
    ticks: Sequence[tuple[float, str]]


def png_uri(picture: np.ndarray) -> str:
    """Return H,W,3 uint8 as the address of a PNG that holds itself.

    Up to 256 colours are written as a palette, a third of the size.
    """
    pixels = picture.reshape(-1, 3)
    colors, index = np.unique(pixels, axis=0, return_inverse=True)
    if len(colors) <= 256:
        image = Image.fromarray(index.reshape(picture.shape[:2]).astype(np.uint8), mode="P")
        image.putpalette(colors.tobytes())
    else:
        image = Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return data_uri(file.getvalue(), "image/png")


def data_uri(content: bytes, kind: str) -> str:
    """Return the address of a file that holds itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def color_scale(bar: Bar) -> Scale:
    """Return a colour bar of a panel as a page shows it; its ends are ticks."""
    positions = np.linspace(0, 1, STOPS)
    colors = matplotlib.colormaps[bar.colormap](positions, bytes=True)[:, :3]
    near, far = float(bar.norm.vmin), float(bar.norm.vmax)
    if isinstance(bar.norm, LogNorm):
        # At equal places: round numbers would crowd at one end.
        values = bar.norm.inverse(np.linspace(0, 1, MOST_TICKS)).tolist()
    else:
        values = np.linspace(near, far, MOST_TICKS).tolist()
    ticks = [(100 * float(bar.norm(value)), f"{value:.3g}") for value in values]
    return Scale(bar.caption, ["#{:02x}{:02x}{:02x}".format(*c) for c in colors], ticks)
