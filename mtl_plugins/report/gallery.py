"""The images that several runs kept, painted so that equal values have equal colours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..targets import DENSE_TARGETS, DEPTH, NO_DEPTH
from ..visualization import Style, TaskMaps, load_maps, paint_row
from ..visualization.painting import Key, Row
from .details import Details
from .pictures import Scale, color_scale, data_uri, png_uri
from .run_record import RunRecord

PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True)
class Legend:
    """What explains the colours: named ones as (name, colour), a colour bar, or both."""

    swatches: Sequence[tuple[str, str]]
    scale: Scale | None


@dataclass(frozen=True)
class Shown:
    """What a run predicts of an image: addresses of pictures (None: not there), and scores."""

    prediction: str | None
    error: str | None
    scores: str


@dataclass(frozen=True)
class Task:
    """A task of an image: the truth, and of each run, by its position, what it predicts."""

    name: str
    truth: str | None
    runs: Mapping[int, Shown]
    legend: Legend
    error_legend: Legend


@dataclass(frozen=True)
class Picture:
    """An image that runs kept, with its tasks."""

    name: str
    image: str
    width: int
    height: int
    tasks: Sequence[Task]


@dataclass
class _Kept:
    """An image and what each run, by its position, kept of it."""

    name: str
    jpeg: bytes
    maps: dict[int, dict[str, TaskMaps]] = field(default_factory=dict)


def read_gallery(runs: Sequence[RunRecord]) -> tuple[list[_Kept], list[str]]:
    """Return the kept images, those of the same name and content once, and notes on damage."""
    found: dict[tuple[str, str], _Kept] = {}
    notes = []
    for index, run in enumerate(runs):
        for name in run.details.images if run.details else ():
            # Only the name: an entry may not lead out of the folder.
            path = Details.gallery(run.folder) / Path(name).name
            try:
                jpeg = Path(f"{path}.jpg").read_bytes()
                maps = load_maps(path)
            except (OSError, ValueError) as error:
                notes.append(f"{run.name}: {error}")
                continue
            key = name, hashlib.sha256(jpeg).hexdigest()
            found.setdefault(key, _Kept(name, jpeg)).maps[index] = maps
    return list(found.values()), notes


def paint_gallery(
    kept: Sequence[_Kept], runs: Sequence[RunRecord], on_image: Callable[[], None] = lambda: None
) -> list[Picture]:
    """Paint images; `on_image` is called after each of them."""
    pictures = []
    for image in kept:
        kinds = [kind for kind in DENSE_TARGETS if any(kind in m for m in image.maps.values())]
        tasks = [_paint_task(image, kind, runs) for kind in kinds]
        shape = next(maps.shape for found in image.maps.values() for maps in found.values())
        address = data_uri(image.jpeg, "image/jpeg")
        pictures.append(Picture(image.name, address, shape[1], shape[0], tasks))
        on_image()
    return pictures


def shared_depth_range(maps: Sequence[TaskMaps]) -> tuple[float, float] | None:
    """Return the depths that the colours of all these maps span; None: none holds a depth.

    The 1st and 99th percentile of truth and predictions together, where the truth was measured:
    what is predicted for the sky, which has no depth, shall not choose the colours.

    >>> truth, far = np.array([[0.0, 2.0, 4.0]]), np.array([[900.0, 2.0, 8.0]])
    >>> shared_depth_range([TaskMaps("depth", far, truth)])
    (2.0, 7.88)
    """
    values = []
    for found in maps:
        known = [m for m in (found.truth, found.prediction) if m is not None]
        measured = np.isfinite(known[0]) & (known[0] > NO_DEPTH)
        values += [m[measured & np.isfinite(m) & (m > NO_DEPTH)] for m in known]
    depths = np.concatenate([v.astype(np.float64) for v in values]) if values else np.zeros(0)
    if not depths.size:
        return None
    near, far = (round(float(v), 6) for v in np.percentile(depths, PERCENTILES))
    return near, max(far, near * 1.01)


def _paint_task(image: _Kept, kind: str, runs: Sequence[RunRecord]) -> Task:
    maps = {index: found[kind] for index, found in image.maps.items() if kind in found}
    limits = shared_depth_range(list(maps.values())) if kind == DEPTH.kind else None
    rows = {index: paint_row(found, _style(runs[index], limits)) for index, found in maps.items()}
    truths = [row.truth for row in rows.values() if row.truth is not None]
    shown = {index: Shown(_uri(r.prediction), _uri(r.error), r.scores) for index, r in rows.items()}
    first: Row = next(iter(rows.values()))
    classes = next(iter(runs[index].details.classes for index in maps))
    return Task(
        first.name,
        _uri(truths[0]) if truths else None,
        shown,
        _legend([row.key for row in rows.values()], classes),
        _legend([row.error_key for row in rows.values()], classes),
    )


def _style(run: RunRecord, limits: tuple[float, float] | None) -> Style:
    details = run.details
    return Style(
        details.classes,
        details.palette,
        details.ignore_label,
        details.depth_unit,
        depth_log=True,
        depth_range=limits,
    )


def _legend(keys: Sequence[Key], classes: Sequence[str]) -> Legend:
    """Join the keys of all runs, which differ in the classes that are there; classes come first."""
    colors = {name: "#{:02x}{:02x}{:02x}".format(*c) for key in keys for name, c in key.swatches}
    order = {name: index for index, name in enumerate(classes)}
    swatches = dict(sorted(colors.items(), key=lambda item: order.get(item[0], len(order))))
    bar = next((key.bar for key in keys if key.bar), None)
    return Legend(list(swatches.items()), color_scale(bar) if bar else None)


def _uri(picture: np.ndarray | None) -> str | None:
    return None if picture is None else png_uri(picture)
