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
from matplotlib.colors import LogNorm
from PIL import Image

from ..targets import DENSE_TARGETS, DEPTH, NO_DEPTH
from ..visualization import Bar, Key, Style, TaskMaps, load_maps, paint_row
from .details import Details
from .run_record import RunRecord

PERCENTILES = (1.0, 99.0)
COLOR_STOPS = 12
TICKS = 6


@dataclass(frozen=True)
class Legend:
    """The meaning of the colours.

    Args:
        swatches: (name, CSS colour) pairs.
        scale: a colour bar, or None: its `caption`, CSS `colors` from end to end and `ticks` as
            (percent of its length, text).
    """

    swatches: Sequence[tuple[str, str]]
    scale: Mapping[str, Any] | None


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
    details: dict[int, Details] = field(default_factory=dict)


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
                maps = load_maps(path)
            except (OSError, ValueError) as error:
                notes.append(f"{run.name}: {error}")
                continue
            key = name, hashlib.sha256(jpeg).hexdigest()
            image = found.setdefault(key, KeptImage(name, jpeg))
            image.maps[index], image.details[index] = maps, run.details
    return list(found.values()), notes


def paint_image(image: KeptImage) -> Picture:
    """Paint all maps of an image."""
    kinds = [kind for kind in DENSE_TARGETS if any(kind in m for m in image.maps.values())]
    height, width = next(m.shape for found in image.maps.values() for m in found.values())
    address = _data_uri(image.jpeg, "image/jpeg")
    tasks = [_paint_task(image, kind) for kind in kinds]
    return Picture(image.name, address, width, height, tasks)


def shared_depth_range(maps: Iterable[TaskMaps]) -> tuple[float, float] | None:
    """Return the depth range that the colours of all maps span, None if no map holds a depth.

    It reaches from the 1st to the 99th percentile of truth and predictions together, only where
    the truth was measured: predictions for the sky must not choose the colours.

    >>> truth, far = np.array([[0.0, 2.0, 4.0]]), np.array([[900.0, 2.0, 8.0]])
    >>> shared_depth_range([TaskMaps("depth", far, truth)])
    (2.0, 7.88)
    """
    values = []
    for found in maps:
        measured = np.isfinite(found.known[0]) & (found.known[0] > NO_DEPTH)
        values += [m[measured & np.isfinite(m) & (m > NO_DEPTH)] for m in found.known]
    depths = np.concatenate([v.astype(np.float64) for v in values]) if values else np.zeros(0)
    if not depths.size:
        return None
    near, far = (round(float(v), 6) for v in np.percentile(depths, PERCENTILES))
    return near, max(far, near * 1.01)


def _paint_task(image: KeptImage, kind: str) -> Task:
    maps = {index: found[kind] for index, found in image.maps.items() if kind in found}
    limits = shared_depth_range(maps.values()) if kind == DEPTH.kind else None
    rows = {}
    for index, found in maps.items():
        details = image.details[index]
        style = Style(
            details.classes, details.palette, details.ignore_label, details.depth_unit,
            depth_log=True, depth_range=limits,
        )  # fmt: skip
        rows[index] = paint_row(found, style)
    shown = {
        i: dict(prediction=_png_uri(row.prediction), error=_png_uri(row.error), scores=row.scores)
        for i, row in rows.items()
    }
    classes = image.details[next(iter(maps))].classes
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
    return Legend(swatches, _scale(bar) if bar else None)


def _scale(bar: Bar) -> dict[str, Any]:
    colors = matplotlib.colormaps[bar.colormap](np.linspace(0, 1, COLOR_STOPS), bytes=True)[:, :3]
    if isinstance(bar.norm, LogNorm):
        # At equal distances: round numbers would crowd at one end.
        values = bar.norm.inverse(np.linspace(0, 1, TICKS)).tolist()
    else:
        values = np.linspace(bar.norm.vmin or 0.0, bar.norm.vmax or 0.0, TICKS).tolist()
    ticks = [(100 * float(bar.norm(value)), f"{value:.3g}") for value in values]
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
