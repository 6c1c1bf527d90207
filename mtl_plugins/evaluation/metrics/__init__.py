"""Metrics for MMEngine's evaluator, and the measures that they declare."""

from .measure import (
    Direction,
    Measure,
    declared_measures,
    delta_m,
    direction_of,
    kind_of,
    main_measures,
    multitask_score,
    table_labels,
)
from .mtan_metric import MTANDepthMetric
from .multi_task_metric import MultiTaskMetric, Pair, Tally, tally_image
from .normals_metric import NormalsMetric
from .streaming_metric import StreamingMetric

__all__ = [
    "Direction",
    "MTANDepthMetric",
    "Measure",
    "MultiTaskMetric",
    "NormalsMetric",
    "Pair",
    "StreamingMetric",
    "Tally",
    "declared_measures",
    "delta_m",
    "direction_of",
    "kind_of",
    "main_measures",
    "multitask_score",
    "table_labels",
    "tally_image",
]
