"""One training run: train, evaluate, runner, loop, hooks, optimizer wrapper."""

from typing import Any

from ..install import moved_attribute
from .distributed import LostProcessError, ShardedModel
from .hooks import (
    CURVES,
    ChosenImagesHook,
    ClassCheckHook,
    CurvesHook,
    DepthCheckHook,
    DurableCheckpointHook,
    FaultError,
    FaultHook,
    Interrupted,
    InterruptHook,
    NonFiniteError,
    NonFiniteHook,
    PanelHook,
    ReportHook,
    SafeCheckpointHook,
    SavePredictionsHook,
    ScalarsHook,
    SkippedSamplesHook,
    SummaryHook,
    curve_files,
)
from .loop import MultiTaskRunner, SaveError, SeededTrainLoop
from .optim import AutocastOptimWrapper, BalancedOptimWrapperConstructor
from .run import evaluate, set_tf32, set_up_process, train

__all__ = [
    "CURVES",
    "AutocastOptimWrapper",
    "BalancedOptimWrapperConstructor",
    "ChosenImagesHook",
    "ClassCheckHook",
    "CurvesHook",
    "DepthCheckHook",
    "DurableCheckpointHook",
    "FaultError",
    "FaultHook",
    "InterruptHook",
    "Interrupted",
    "LostProcessError",
    "MultiTaskRunner",
    "NonFiniteError",
    "NonFiniteHook",
    "PanelHook",
    "ReportHook",
    "SafeCheckpointHook",
    "SaveError",
    "SavePredictionsHook",
    "ScalarsHook",
    "SeededTrainLoop",
    "ShardedModel",
    "SkippedSamplesHook",
    "SummaryHook",
    "curve_files",
    "evaluate",
    "set_tf32",
    "set_up_process",
    "train",
]


def __getattr__(name: str) -> Any:
    """Return a name that moved elsewhere after version 0.1."""
    return moved_attribute(__name__, name)
