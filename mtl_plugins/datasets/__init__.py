"""Data sets, formats of their files, and transforms."""

from .catalog import (
    CityscapesDepthFormat,
    CityscapesMultiTask,
    KittiMultiTask,
    NYUDMultiTask,
    NYUv2MultiTask,
    PascalContextMultiTask,
    ShiftMultiTask,
    StreetScenesDataset,
    SynscapesMultiTask,
    VirtualKitti2MultiTask,
)
from .contract import image_breach, target_breach
from .dense_dataset import DenseDataset, TargetReader, leaf_of
from .formats import (
    FORMATS,
    CentreFormat,
    DepthFormat,
    LabelFormat,
    NormalFormat,
    OutlineFormat,
    TargetFormat,
    ValueFormat,
)
from .inherited import IGNORED, check_foreign_data
from .joined_dataset import ClassBalancedDataset, ConcatDataset, MultiImageMixDataset
from .multi_task_dataset import MultiTaskDataset
from .packed import PackedDataset, pack_dataset
from .pipeline_check import FAULTS, NO_SAMPLE, Fault
from .sampling import SampleIndex, SeededSampler, seed_all, seeded
from .transforms import (
    AlbuImage,
    DecodeTargets,
    EvaluationCrop,
    FillSkyDepth,
    FlipTargets,
    IgnoreEmpty,
    LoadImage,
    LoadTargets,
    PackTargets,
    ResizeSample,
    ResizeTargets,
)

__all__ = [
    "FAULTS",
    "FORMATS",
    "IGNORED",
    "NO_SAMPLE",
    "AlbuImage",
    "CentreFormat",
    "CityscapesDepthFormat",
    "CityscapesMultiTask",
    "ClassBalancedDataset",
    "ConcatDataset",
    "DecodeTargets",
    "DenseDataset",
    "DepthFormat",
    "EvaluationCrop",
    "Fault",
    "FillSkyDepth",
    "FlipTargets",
    "IgnoreEmpty",
    "KittiMultiTask",
    "LabelFormat",
    "LoadImage",
    "LoadTargets",
    "MultiImageMixDataset",
    "MultiTaskDataset",
    "NYUDMultiTask",
    "NYUv2MultiTask",
    "NormalFormat",
    "OutlineFormat",
    "PackTargets",
    "PackedDataset",
    "PascalContextMultiTask",
    "ResizeSample",
    "ResizeTargets",
    "SampleIndex",
    "SeededSampler",
    "ShiftMultiTask",
    "StreetScenesDataset",
    "SynscapesMultiTask",
    "TargetFormat",
    "TargetReader",
    "ValueFormat",
    "VirtualKitti2MultiTask",
    "check_foreign_data",
    "image_breach",
    "leaf_of",
    "pack_dataset",
    "seed_all",
    "seeded",
    "target_breach",
]
