"""Task heads: from a feature map to one task's raw map, losses and predictions."""

from .attention_bins_head import AttentionBinsHead, BinsPrediction
from .defaults import head_config, task_targets
from .depth_head import (
    DepthCodec,
    DepthHead,
    ExpCodec,
    InverseCodec,
    LinearCodec,
    LogNormalizedCodec,
)
from .loss_trial import INSTEAD, USUAL, try_losses, try_losses_of
from .normals_head import NormalsHead
from .segmentation_head import SegmentationHead
from .stages import StageHeads
from .task_head import FINAL, RawPrediction, TaskHead, final_stage
from .value_heads import BinaryHead, OffsetHead, ScalarHead

__all__ = [
    "FINAL",
    "INSTEAD",
    "USUAL",
    "AttentionBinsHead",
    "BinaryHead",
    "BinsPrediction",
    "DepthCodec",
    "DepthHead",
    "ExpCodec",
    "InverseCodec",
    "LinearCodec",
    "LogNormalizedCodec",
    "NormalsHead",
    "OffsetHead",
    "RawPrediction",
    "ScalarHead",
    "SegmentationHead",
    "StageHeads",
    "TaskHead",
    "final_stage",
    "head_config",
    "task_targets",
    "try_losses",
    "try_losses_of",
]
