"""Running: configs, training, testing, hooks, checkpoints."""

from .amp import AutocastOptimWrapper
from .baseline import image_blind_scores
from .checkpoint_io import CheckpointError, load_checkpoint
from .command import run_command
from .config import check_config, load_config
from .metrics_table import metrics_table, show_metrics
from .run import build_dataset, evaluate, train
from .safe_checkpoint import SafeCheckpointHook
from .summary_hook import SummaryHook

__all__ = [
    "AutocastOptimWrapper",
    "CheckpointError",
    "SafeCheckpointHook",
    "SummaryHook",
    "build_dataset",
    "check_config",
    "evaluate",
    "image_blind_scores",
    "load_checkpoint",
    "load_config",
    "metrics_table",
    "run_command",
    "show_metrics",
    "train",
]
