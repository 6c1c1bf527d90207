"""Feature maps -> tasks: task heads, and the heads that arrange them."""

from .branched_head import BranchedHead
from .depth_codecs import DepthCodec, ExpCodec, InverseCodec, LinearCodec, LogNormalizedCodec
from .depth_head import DepthHead
from .joint_head import JointHead
from .multi_task_head import MultiTaskHead
from .segmentation_head import SegmentationHead
from .task_head import RawPrediction, TaskHead

__all__ = [
    "BranchedHead",
    "DepthCodec",
    "DepthHead",
    "ExpCodec",
    "InverseCodec",
    "JointHead",
    "LinearCodec",
    "LogNormalizedCodec",
    "MultiTaskHead",
    "RawPrediction",
    "SegmentationHead",
    "TaskHead",
]
