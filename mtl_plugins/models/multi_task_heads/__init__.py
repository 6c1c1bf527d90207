"""Multi-task heads: arrangements of decoders and task heads behind one encoder."""

from .branched_head import BranchedHead
from .distillation_head import DistillationHead
from .joint_head import JointHead
from .multi_task_head import MultiTaskHead

__all__ = ["BranchedHead", "DistillationHead", "JointHead", "MultiTaskHead"]
