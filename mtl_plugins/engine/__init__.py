"""Running: configs, training, testing, hooks, checkpoints."""

from .amp import AutocastOptimWrapper
from .class_check_hook import ClassCheckHook
from .config_gallery import gallery_entry, gallery_page, write_gallery
from .curves_hook import CurvesHook
from .depth_check_hook import DepthCheckHook
from .durable_checkpoint_hook import DurableCheckpointHook
from .fault_hook import FaultError, FaultHook
from .hooks import ChosenImagesHook, PanelHook
from .interrupt_hook import Interrupted, InterruptHook
from .kill_test import kill_test, show_kill_report
from .nonfinite_hook import NonFiniteError, NonFiniteHook
from .optim_constructor import BalancedOptimWrapperConstructor
from .processes import LostProcessError
from .report_hook import ReportHook
from .run import evaluate, train
from .runner import MultiTaskRunner, SaveError
from .safe_checkpoint import SafeCheckpointHook
from .save_predictions_hook import SavePredictionsHook
from .scalars_hook import ScalarsHook
from .sharded_model import ShardedModel
from .skipped_samples_hook import SkippedSamplesHook
from .soak import report_soak, soak
from .soak_hook import SoakHook
from .summary_hook import SummaryHook
from .sweep_hook import SweepHook
from .train_loop import SeededTrainLoop

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
    "SweepHook",
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
