"""Accumulators over the scores, for MMEngine's evaluator."""

from .class_scores import ClassScore, class_scores, class_table
from .measure import (
    Direction,
    Measure,
    declared_measures,
    direction_of,
    kind_of,
    main_measures,
    table_labels,
)
from .mtan_metric import MTANDepthMetric
from .multi_task_metric import MultiTaskMetric
from .normals_metric import NormalsMetric
from .score import delta_m, multitask_score
from .streaming_metric import StreamingMetric
from .tally import Tally, tally_image

__all__ = [
    "ClassScore",
    "Direction",
    "MTANDepthMetric",
    "Measure",
    "MultiTaskMetric",
    "NormalsMetric",
    "StreamingMetric",
    "Tally",
    "class_scores",
    "class_table",
    "declared_measures",
    "delta_m",
    "direction_of",
    "kind_of",
    "main_measures",
    "multitask_score",
    "table_labels",
    "tally_image",
]
