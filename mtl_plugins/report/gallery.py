"""Paint the images that several runs kept, so that equal values have equal colours."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

from ..visualization import Bar, Key, Style, TaskMaps, load_maps, offset_wheel, ordered, paint_row
from .details import Details
from .run_record import RunRecord

PERCENTILES = (1.0, 99.0)
COLOR_STOPS = 12
TICKS = 6
WHEEL = 96
"""Pixels of the side of a wheel of directions."""


@dataclass(frozen=True)
class Legend:
    """The meaning of the colours.

    Args:
        swatches: (name, CSS colour) pairs.
        scale: a colour bar, or None: its `caption`, CSS `colors` from end to end and `ticks` as
            (percent of its length, text).
        wheel: a wheel of directions, or None: its `caption` and its `picture` as a data URI.
    """

    swatches: Sequence[tuple[str, str]]
    scale: Mapping[str, Any] | None
    wheel: Mapping[str, str] | None


@dataclass(frozen=True)
class Task:
    """One task of an image.

    Args:
        name: heading.
        truth: picture as a data URI; None: not recorded.
        runs: by index of the run: `prediction` and `error` as data URIs, or None, and `scores`.
        legend, error_legend: colours of truth and prediction, and of the error.
    """

    name: str
    truth: str | None
    runs: Mapping[int, Mapping[str, str | None]]
    legend: Legend
    error_legend: Legend


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, the size of its maps, and its tasks."""

    name: str
    image: str
    width: int
    height: int
    tasks: Sequence[Task]


@dataclass
class KeptImage:
    """An image and, by index of the run, the maps that the run kept of it."""

    name: str
    jpeg: bytes
    maps: dict[int, dict[str, TaskMaps]] = field(default_factory=dict)


def read_gallery(runs: Sequence[RunRecord]) -> tuple[list[KeptImage], list[str]]:
    """Read the images of all runs, and return notes on damaged files.

    Images of several runs are joined where name and content are equal.
    """
    found: dict[tuple[str, str], KeptImage] = {}
    notes = []
    for index, run in enumerate(runs):
        if not run.details:
            continue
        for name in run.details.images:
            # Only the last part of the path: an entry must not lead out of the folder.
            path = Details.gallery(run.folder) / Path(name).name
            try:
                jpeg = Path(f"{path}.jpg").read_bytes()
                maps = load_maps(path, run.details.described)
            except (OSError, ValueError) as error:
                notes.append(f"{run.name}: {error}")
                continue
            key = name, hashlib.sha256(jpeg).hexdigest()
            image = found.setdefault(key, KeptImage(name, jpeg))
            image.maps[index] = maps
    return list(found.values()), notes


def paint_image(image: KeptImage) -> Picture:
    """Paint all maps of an image."""
    names = ordered(name for maps in image.maps.values() for name in maps)
    height, width = next(m.shape for found in image.maps.values() for m in found.values())
    address = _data_uri(image.jpeg, "image/jpeg")
    tasks = [_paint_task(image, name) for name in names]
    return Picture(image.name, address, width, height, tasks)


def shared_range(maps: Iterable[TaskMaps]) -> tuple[float, float] | None:
    """Return the range that the colours of all maps span, None if their targets choose the colours.

    That is so where all targets have one range, and where they are no numbers. Else it reaches from
    the 1st to the 99th percentile of truth and predictions together, only where the first of them
    has a value: predicted distances of the sky must not choose the colours.

    >>> from mtl_plugins.targets import DEPTH
    >>> truth, far = np.array([[0.0, 2.0, 4.0]]), np.array([[900.0, 2.0, 8.0]])
    >>> shared_range([TaskMaps(DEPTH, far, truth)])
    (2.0, 7.88)
    """
    numbers = [found for found in maps if found.target.type in ("scalar", "offset")]
    declared = {found.target.range for found in numbers}
    if len(declared) == 1 and None not in declared:
        return None
    values = [found.known_values(shared=True).astype(np.float64) for found in numbers]
    known = np.concatenate(values) if values else np.zeros(0)
    if not known.size:
        return None
    low, high = (round(float(v), 6) for v in np.percentile(known, PERCENTILES))
    # A map of one value still needs a scale.
    return low, max(high, low + (0.01 * abs(low) or 0.01))


def _paint_task(image: KeptImage, name: str) -> Task:
    maps = {index: found[name] for index, found in image.maps.items() if name in found}
    limits = shared_range(maps.values())
    style = Style(ranges={name: limits} if limits else {})
    rows = {index: paint_row(found, style) for index, found in maps.items()}
    shown = {
        i: dict(prediction=_png_uri(row.prediction), error=_png_uri(row.error), scores=row.scores)
        for i, row in rows.items()
    }
    classes = next(iter(maps.values())).target.classes
    return Task(
        next(iter(rows.values())).name,
        _png_uri(next((row.truth for row in rows.values() if row.truth is not None), None)),
        shown,
        _legend([row.key for row in rows.values()], classes),
        _legend([row.error_key for row in rows.values()], classes),
    )


def _legend(keys: Sequence[Key], classes: Sequence[str]) -> Legend:
    """Join the keys of all runs; classes come first, in their order."""
    colors = {name: _css_color(color) for key in keys for name, color in key.swatches}
    order = {name: index for index, name in enumerate(classes)}
    swatches = sorted(colors.items(), key=lambda item: order.get(item[0], len(order)))
    bar = next((key.bar for key in keys if key.bar), None)
    caption = next((key.wheel for key in keys if key.wheel), "")
    wheel = dict(caption=caption, picture=str(_png_uri(offset_wheel(WHEEL)))) if caption else None
    return Legend(swatches, _scale(bar) if bar else None, wheel)


def _scale(bar: Bar) -> dict[str, Any]:
    colors = matplotlib.colormaps[bar.colormap](np.linspace(0, 1, COLOR_STOPS), bytes=True)[:, :3]
    ticks = [(100 * float(bar.norm(value)), f"{value:.4g}") for value in bar.ticks(TICKS)]
    return dict(caption=bar.caption, colors=[*map(_css_color, colors)], ticks=ticks)


def _css_color(color: Iterable[int]) -> str:
    return f"rgb{tuple(int(channel) for channel in color)}"


def _png_uri(picture: np.ndarray | None) -> str | None:
    """Return a picture, H,W,3 uint8, as the data URI of a PNG.

    Up to 256 colours are written as a palette, which takes a third of the bytes.
    """
    if picture is None:
        return None
    colors, index = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colors) <= 256:
        image = Image.fromarray(index.reshape(picture.shape[:2]).astype(np.uint8), mode="P")
        image.putpalette(colors.tobytes())
    else:
        image = Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return _data_uri(file.getvalue(), "image/png")


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
