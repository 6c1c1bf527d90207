"""Running: configs, training, testing, hooks, checkpoints."""

from .config_gallery import gallery_entry, gallery_page, write_gallery
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
from .kill_test import kill_test, show_kill_report
from .loop import MultiTaskRunner, SaveError, SeededTrainLoop
from .optim import AutocastOptimWrapper, BalancedOptimWrapperConstructor
from .run import evaluate, train
from .soak import report_soak, soak
from .soak_hook import SoakHook

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
    "SoakHook",
    "SummaryHook",
    "evaluate",
    "gallery_entry",
    "gallery_page",
    "kill_test",
    "report_soak",
    "show_kill_report",
    "soak",
    "train",
    "write_gallery",
]
