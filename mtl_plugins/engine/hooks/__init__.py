"""Hooks of a training run."""

from .checkpoint_hooks import DurableCheckpointHook, SafeCheckpointHook
from .data_checks import (
    ClassCheckHook,
    DataCheckHook,
    DepthCheckHook,
    SkippedSamplesHook,
)
from .fault_hook import FaultError, FaultHook
from .interrupt_hook import Interrupted, InterruptHook
from .nonfinite_hook import NonFiniteError, NonFiniteHook
from .panel_hook import ChosenImagesHook, PanelHook
from .report_hook import ReportHook, SummaryHook
from .save_predictions_hook import SavePredictionsHook
from .scalars_hook import CURVES, CurvesHook, ScalarsHook, curve_files, cut_curves

__all__ = [
    "CURVES",
    "ChosenImagesHook",
    "ClassCheckHook",
    "CurvesHook",
    "DataCheckHook",
    "DepthCheckHook",
    "DurableCheckpointHook",
    "FaultError",
    "FaultHook",
    "InterruptHook",
    "Interrupted",
    "NonFiniteError",
    "NonFiniteHook",
    "PanelHook",
    "ReportHook",
    "SafeCheckpointHook",
    "SavePredictionsHook",
    "ScalarsHook",
    "SkippedSamplesHook",
    "SummaryHook",
    "curve_files",
    "cut_curves",
]
