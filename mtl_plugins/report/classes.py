"""What a report tells of the single classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..evaluation import class_scores
from .comparison import Cell, compare
from .run_record import RunRecord

MOST_CONFUSIONS = 5


@dataclass(frozen=True)
class ClassRow:
    """A class: its colour, share of the true pixels (percent) and IoU (percent) of every run."""

    name: str
    color: str
    pixels: float
    values: Sequence[float | None]
    cells: Sequence[Cell]


def class_rows(runs: Sequence[RunRecord]) -> list[ClassRow]:
    """Return the classes of all runs; none where no run recorded them."""
    scores = [{score.name: score for score in _scores(run)} for run in runs]
    colors: dict[str, Sequence[int]] = {}
    for run in runs:
        if run.details:
            colors |= dict(zip(run.details.classes, run.details.palette, strict=True))
    rows = []
    for name in dict.fromkeys(name for found in scores for name in found):
        known = [found.get(name) for found in scores]
        values = [None if s is None or math.isnan(s.iou) else s.iou for s in known]
        color = "#{:02x}{:02x}{:02x}".format(*colors[name])
        pixels = next(score.pixels for score in known if score)
        rows.append(ClassRow(name, color, pixels, values, compare(values, "higher", 2)))
    return rows


def confusions(run: RunRecord) -> dict[str, Any] | None:
    """Return class names, counts (rows are the truth) and the most frequent confusions of a run.

    The `worst` are (truth, prediction, percent of the true class's pixels), those of most pixels
    first; None where the run did not record them.
    """
    if not run.details or not run.details.confusion:
        return None
    names, counts = run.details.classes, run.details.confusion
    wrong = [
        (count, truth, guess)
        for truth, row in enumerate(counts)
        for guess, count in enumerate(row)
        if truth != guess and count
    ]
    worst = [
        (names[truth], names[guess], 100 * count / sum(counts[truth]))
        for count, truth, guess in sorted(wrong, reverse=True)[:MOST_CONFUSIONS]
    ]
    return dict(classes=names, counts=counts, worst=worst)


def _scores(run: RunRecord) -> list[Any]:
    if not run.details or not run.details.confusion:
        return []
    return class_scores(torch.tensor(run.details.confusion), run.details.classes)
