"""Numbers of several runs side by side: the best one, and the difference to the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..evaluation import direction_of, table_labels
from ..evaluation.metrics import Direction
from .run_record import RunRecord


@dataclass(frozen=True)
class Cell:
    """A run's value.

    Args:
        text: the value, "" where it was not recorded.
        difference: to the first run, with its sign, or "="; "" where one of the two is missing.
        best: whether no other run's is better, and at least one is worse.
        verdict: whether the difference is for the better or the worse; "" where neither.
    """

    text: str
    difference: str = ""
    best: bool = False
    verdict: Literal["", "better", "worse"] = ""


@dataclass(frozen=True)
class Row:
    """A number of every run; `reference` is the image-blind predictor's."""

    label: str
    cells: Sequence[Cell]
    direction: Direction | None = None
    reference: str = ""


def compare(
    values: Sequence[float | None], direction: Direction | None, digits: int | None = None
) -> list[Cell]:
    """Compare the values of one metric.

    Args:
        values: one a run; None or nan where there is none.
        direction: what is better; None: not known.
        digits: behind the point; default: such that the largest value has about four in all.

    >>> [(c.text, c.difference, c.best) for c in compare([50.0, None, 52.5], "higher")]
    [('50.00', '', False), ('', '', False), ('52.50', '+2.50', True)]
    """
    known = [v for v in values if v is not None and math.isfinite(v)]
    digits = _digits(known) if digits is None else digits
    # Where all are equal, or alone, none is the best.
    differ = len(set(known)) > 1
    best = (max if direction == "higher" else min)(known) if direction and differ else None
    first = values[0] if values else None
    cells = []
    for index, value in enumerate(values):
        if value is None:
            cells.append(Cell(""))
            continue
        text, difference = f"{value:.{digits}f}", ""
        verdict: Literal["", "better", "worse"] = ""
        if index and first is not None and math.isfinite(value - first):
            difference = f"{value - first:+.{digits}f}" if value != first else "="
            if direction and value != first:
                verdict = "better" if (value > first) == (direction == "higher") else "worse"
        cells.append(Cell(text, difference, value == best, verdict))
    return cells


def summary_rows(runs: Sequence[RunRecord]) -> list[Row]:
    """Return the table of the last validations: every metric that a run has, main ones first."""
    found = dict.fromkeys(name for run in runs for name in run.metrics)
    labels = table_labels()
    names = [name for name in labels if name in found]
    names += sorted(name for name in found if name not in labels)
    rows = []
    for name in names:
        values = [_number(run.metrics.get(name)) for run in runs]
        blind = next(filter(None, (run.summary.get("image_blind") for run in runs)), {})
        cells = compare(values, direction_of(name))
        known = [v for v in values if v is not None and math.isfinite(v)]
        reference = _number(blind.get(name))
        text = "" if reference is None else f"{reference:.{_digits(known)}f}"
        rows.append(Row(labels.get(name, name), cells, direction_of(name), text))
    gains = dict.fromkeys(k for run in runs for k in run.summary.get("delta_m") or {})
    for name in gains:
        values = [_number((run.summary.get("delta_m") or {}).get(name)) for run in runs]
        rows.append(Row(name, compare(values, "higher"), "higher"))
    return rows


def _digits(values: Sequence[float]) -> int:
    largest = max(map(abs, values), default=0.0)
    return 2 if largest >= 10 else 3 if largest >= 1 else 4


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
