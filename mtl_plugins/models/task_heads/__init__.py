"""Task heads: from a feature map to one task's raw map, losses and predictions."""

from .attention_bins_head import AttentionBinsHead, BinsPrediction
from .depth_head import (
    DepthCodec,
    DepthHead,
    ExpCodec,
    InverseCodec,
    LinearCodec,
    LogNormalizedCodec,
)
from .normals_head import NormalsHead
from .segmentation_head import SegmentationHead
from .task_head import RawPrediction, TaskHead, final_stage

__all__ = [
    "AttentionBinsHead",
    "BinsPrediction",
    "DepthCodec",
    "DepthHead",
    "ExpCodec",
    "InverseCodec",
    "LinearCodec",
    "LogNormalizedCodec",
    "NormalsHead",
    "RawPrediction",
    "SegmentationHead",
    "TaskHead",
    "final_stage",
]
