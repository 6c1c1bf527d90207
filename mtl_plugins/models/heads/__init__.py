"""Feature maps -> tasks: task heads, and the heads that arrange them."""

from .attention_bins_head import AttentionBinsHead, BinsPrediction
from .branched_head import BranchedHead
from .depth_codecs import DepthCodec, ExpCodec, InverseCodec, LinearCodec, LogNormalizedCodec
from .depth_head import DepthHead
from .distillation_head import DistillationHead
from .joint_head import JointHead
from .multi_task_head import MultiTaskHead
from .normals_head import NormalsHead
from .segmentation_head import SegmentationHead
from .task_head import RawPrediction, TaskHead, final_stage

__all__ = [
    "AttentionBinsHead",
    "BinsPrediction",
    "BranchedHead",
    "DepthCodec",
    "DepthHead",
    "DistillationHead",
    "ExpCodec",
    "InverseCodec",
    "JointHead",
    "LinearCodec",
    "LogNormalizedCodec",
    "MultiTaskHead",
    "NormalsHead",
    "RawPrediction",
    "SegmentationHead",
    "TaskHead",
    "final_stage",
]
