"""Hooks of a training run."""

from .chosen_images_hook import ChosenImagesHook
from .class_check_hook import ClassCheckHook
from .curves_hook import CurvesHook
from .depth_check_hook import DepthCheckHook
from .durable_checkpoint_hook import DurableCheckpointHook
from .fault_hook import FaultError, FaultHook
from .interrupt_hook import Interrupted, InterruptHook
from .nonfinite_hook import NonFiniteError, NonFiniteHook
from .panel_hook import PanelHook
from .report_hook import ReportHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .save_predictions_hook import SavePredictionsHook
from .scalars_hook import ScalarsHook
from .skipped_samples_hook import SkippedSamplesHook
from .summary_hook import SummaryHook

__all__ = [
    "ChosenImagesHook",
    "ClassCheckHook",
    "CurvesHook",
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
]
