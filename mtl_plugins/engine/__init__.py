"""Running: configs, training, testing, hooks, checkpoints."""

from .distributed import LostProcessError, ShardedModel
from .hooks import (
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
)
from .loop import MultiTaskRunner, SaveError, SeededTrainLoop
from .optim import AutocastOptimWrapper, BalancedOptimWrapperConstructor
from .run import evaluate, train

__all__ = [
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
    "evaluate",
    "train",
]
