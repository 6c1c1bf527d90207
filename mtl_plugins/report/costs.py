"""What the runs of a report cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from .comparison import Row, compare
from .resolved_config import flat_texts
from .run_record import RunRecord

Reader = Callable[[RunRecord], float | None]


def cost_rows(runs: Sequence[RunRecord]) -> list[Row]:
    """Return the table of costs, lower is better; what no run recorded is left out."""
    readers: dict[str, Reader] = {
        "parameters (M)": lambda run: _sum(run, "encoder", "decoders", "task_heads", "rest"),
        "encoder (M)": lambda run: _sum(run, "encoder"),
        "decoders (M)": lambda run: _sum(run, "decoders"),
        "task heads (M)": lambda run: _sum(run, "task_heads"),
        "rest (M)": lambda run: _sum(run, "rest"),
        "GMACs of an image": lambda run: _scaled(_cost(run).get("macs"), 1e9),
        "training step (ms)": lambda run: _scaled(_median(run, "time"), 1e-3),
        "waiting for data (ms)": lambda run: _scaled(_median(run, "data_time"), 1e-3),
        "GPU memory (MiB)": lambda run: _largest(run, "memory"),
        "batch size": _batch_size,
        "iterations trained": lambda run: _largest(run, "iter"),
    }
    # More of them is not worse.
    neutral = ("batch size", "iterations trained")
    rows = []
    for label, read in readers.items():
        values = [read(run) for run in runs]
        if any(value is not None for value in values):
            whole = label in neutral or label.startswith("GPU")
            direction = None if label in neutral else "lower"
            rows.append(Row(label, compare(values, direction, 0 if whole else None), direction))
    return rows


def cost_notes(runs: Sequence[RunRecord]) -> list[str]:
    """Return what the numbers of each run hold for: the image's size and the machine."""
    notes = []
    for run in runs:
        cost = _cost(run)
        if cost:
            text = f"{run.name}: an image of {cost['height']}x{cost['width']}; {cost['machine']}."
            notes.append(text)
    return notes


def _cost(run: RunRecord) -> Mapping[str, Any]:
    return (run.details and run.details.cost) or {}


def _batch_size(run: RunRecord) -> float | None:
    found = flat_texts(run.config).get("train_dataloader.batch_size", "")
    return float(found) if found.isdecimal() else None


def _sum(run: RunRecord, *parts: str) -> float | None:
    parameters = _cost(run).get("parameters")
    return sum(parameters[part] for part in parts) / 1e6 if parameters else None


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _median(run: RunRecord, key: str) -> float | None:
    values = _logged(run, key)
    return median(values) if values else None


def _largest(run: RunRecord, key: str) -> float | None:
    return max(_logged(run, key), default=None)


def _logged(run: RunRecord, key: str) -> list[float]:
    values = (entry.values.get(key) for entry in run.history.training)
    return [value for value in values if isinstance(value, (int, float))]
