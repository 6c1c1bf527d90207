"""Write the results of an evaluation to a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric


def write_results(
    path: str, metrics: Mapping[str, float], evaluators: Sequence[BaseMetric], checkpoint: str
) -> None:
    """Write the metrics of an evaluation as JSON; nan and infinity become null.

    The file holds `checkpoint` and `metrics` (by name). If classes were measured, it also holds
    `classes` (name, iou, accuracy, pixels; all in percent) and `confusion` (pixel counts, rows are
    the truth).
    """
    found: dict[str, Any] = dict(checkpoint=checkpoint, metrics=dict(metrics))
    for evaluator in evaluators:
        if getattr(evaluator, "per_class", None) is not None:
            found["classes"] = [score._asdict() for score in evaluator.per_class]
            found["confusion"] = evaluator.confusion.tolist()
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(_plain(found), file, indent=1)


def _plain(value: object) -> object:
    """Replace numbers that are not valid JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
