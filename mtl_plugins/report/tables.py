"""Compare runs in tables: metrics, classes, confusions, cost and configs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import torch

from ..evaluation import Direction, class_scores, direction_of, table_labels
from ..targets import Target
from .details import PARTS
from .run_record import RunRecord

MOST_CONFUSIONS = 5
COST_STYLES: dict[str, tuple[Direction | None, int | None]] = {
    "GPU memory (MiB)": ("lower", 0), "batch size": (None, 0), "iterations trained": (None, 0),
}  # fmt: skip
"""Direction and decimal places of costs; of all others the lower is better, see `compare`."""


@dataclass(frozen=True)
class Cell:
    """The value of one run.

    Args:
        text: the value, "" where it was not recorded.
        difference: signed difference to the first run, "=" or "".
        best: no other run is better, and at least one is worse.
        verdict: whether the difference is an improvement; "" where that is unknown.
    """

    text: str
    difference: str = ""
    best: bool = False
    verdict: Literal["", "better", "worse"] = ""


@dataclass(frozen=True)
class Row:
    """One quantity of every run; `reference` is the value of the image-blind predictor."""

    label: str
    cells: Sequence[Cell]
    direction: Direction | None = None
    reference: str = ""


@dataclass(frozen=True)
class ClassRow:
    """One class: its CSS colour, share of the true pixels (percent) and IoU (percent) per run."""

    name: str
    color: str
    pixels: float
    values: Sequence[float | None]
    cells: Sequence[Cell]


def compare(
    values: Sequence[float | None], direction: Direction | None, digits: int | None = None
) -> list[Cell]:
    """Compare the values of one quantity with that of the first run.

    Args:
        values: one per run; None or nan where there is none.
        direction: which values are better; None: unknown.
        digits: decimal places; default: about four significant digits for the largest value.

    >>> [(c.text, c.difference, c.best) for c in compare([50.0, None, 52.5], "higher")]
    [('50.00', '', False), ('', '', False), ('52.50', '+2.50', True)]
    """
    known = [v for v in values if v is not None and math.isfinite(v)]
    digits = _digits(known) if digits is None else digits
    # No run is the best where all are equal.
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
    """Compare all metrics of the last validations, the main ones first."""
    found = {name for run in runs for name in run.metrics}
    labels = table_labels(found)
    names = [name for name in labels if name in found] + sorted(found - labels.keys())
    blind = next(filter(None, (run.summary.get("image_blind") for run in runs)), {})
    rows = []
    for name in names:
        values = [run.metrics.get(name) for run in runs]
        reference, text = _number(blind.get(name)), ""
        if reference is not None:
            text = f"{reference:.{_digits([v for v in values if v is not None])}f}"
        cells = compare(values, direction_of(name))
        rows.append(Row(labels.get(name, name), cells, direction_of(name), text))
    gains = [run.summary.get("delta_m", {}) for run in runs]
    for name in dict.fromkeys(name for gain in gains for name in gain):
        values = [_number(gain.get(name)) for gain in gains]
        rows.append(Row(name, compare(values, "higher"), "higher"))
    return rows


def class_rows(runs: Sequence[RunRecord], target: str) -> list[ClassRow]:
    """Compare the IoU of every class of a target that a run recorded."""
    measured = [confusion_of(run, target) for run in runs]
    scores = [
        {s.name: s for s in class_scores(torch.tensor(counts), classes.classes)} if counts else {}
        for classes, counts in measured
    ]
    colors = {
        name: color
        for classes, _ in measured
        for name, color in zip(classes.classes, classes.palette, strict=True)
    }
    rows = []
    for name in dict.fromkeys(name for found in scores for name in found):
        known = [found.get(name) for found in scores]
        values = [None if s is None or math.isnan(s.iou) else s.iou for s in known]
        pixels = next(score.pixels for score in known if score)
        cells = compare(values, "higher", 2)
        rows.append(ClassRow(name, f"rgb{tuple(colors[name])}", pixels, values, cells))
    return rows


def confusion_of(run: RunRecord, target: str) -> tuple[Target, Sequence[Sequence[int]]]:
    """Return the classes of a target and their confusion matrix, empty if a run has none."""
    if run.details and target in run.details.confusion:
        return run.details.classes(target), run.details.confusion[target]
    return Target(target, "classes"), []


def worst_confusions(
    names: Sequence[str], counts: Sequence[Sequence[int]]
) -> list[tuple[str, str, float]]:
    """Return the confusions with most pixels: truth, prediction, percent of the true class."""
    wrong = [
        (count, truth, guess)
        for truth, row in enumerate(counts)
        for guess, count in enumerate(row)
        if truth != guess and count
    ]
    return [
        (names[truth], names[guess], 100 * count / sum(counts[truth]))
        for count, truth, guess in sorted(wrong, reverse=True)[:MOST_CONFUSIONS]
    ]


def cost_rows(runs: Sequence[RunRecord]) -> list[Row]:
    """Compare the costs; a quantity that no run recorded is left out."""
    found = [_costs(run) for run in runs]
    rows = []
    for label in dict.fromkeys(label for costs in found for label in costs):
        direction, digits = COST_STYLES.get(label, ("lower", None))
        values = [costs.get(label) for costs in found]
        if any(value is not None for value in values):
            rows.append(Row(label, compare(values, direction, digits), direction))
    return rows


def _costs(run: RunRecord) -> dict[str, float | None]:
    """Return the costs of a run by label, None where they were not recorded."""
    cost = cost_of(run)
    parts = {part: cost["parameters"][part] * 1e-6 if cost else None for part in PARTS}
    step, waiting, memory, done = (_logged(run, k) for k in ("time", "data_time", "memory", "iter"))
    batch_size = run.config.get("train_dataloader.batch_size", "")
    return {
        "parameters (M)": sum(cost["parameters"][part] for part in PARTS) / 1e6 if cost else None,
        **{f"{part.replace('_', ' ')} (M)": millions for part, millions in parts.items()},
        "GMACs of an image": cost["macs"] * 1e-9 if cost else None,
        "training step (ms)": median(step) * 1e3 if step else None,
        "waiting for data (ms)": median(waiting) * 1e3 if waiting else None,
        "GPU memory (MiB)": max(memory, default=None),
        "batch size": float(batch_size) if batch_size.isdecimal() else None,
        "iterations trained": max(done, default=None),
    }


def cost_of(run: RunRecord) -> Mapping[str, Any]:
    """Return the recorded cost of a run's network, see `run_cost`; empty if there is none."""
    return (run.details and run.details.cost) or {}


def config_differences(configs: Sequence[Mapping[str, str]]) -> list[tuple[str, list[str | None]]]:
    """Return the dotted keys whose values differ, with the values (None: the key is missing).

    `work_dir`, which always differs, is left out.
    """
    keys = {key for values in configs for key in values} - {"work_dir"}
    rows = [(key, [values.get(key) for values in configs]) for key in sorted(keys)]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _digits(values: Sequence[float]) -> int:
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return 2 if largest >= 10 else 3 if largest >= 1 else 4


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _logged(run: RunRecord, key: str) -> list[float]:
    values = (entry.values.get(key) for entry in run.history.training)
    return [value for value in values if isinstance(value, (int, float))]
