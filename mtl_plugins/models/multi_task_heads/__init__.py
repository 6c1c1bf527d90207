"""Multi-task heads: arrangements of decoders and task heads behind one encoder."""

from .branched_head import BranchedHead, DistillationHead
from .multi_task_head import JointHead, MultiTaskHead

__all__ = ["BranchedHead", "DistillationHead", "JointHead", "MultiTaskHead"]
