"""NYUD-v2 in the folders of the multi-task benchmarks: classes, depth, normals and edges."""

import os
from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS

from ...errors import ConfigError
from ..multi_task_dataset import MultiTaskDataset
from .known_targets import Declared, known_targets
from .nyuv2 import NAMES_40, REACH, TO_40

OUTLINES: dict[str, Any] = dict(
    type="binary",
    folder="segmentation",
    # Between objects there is often a strip without a class; thinned, it is one line.
    format=dict(type="OutlineFormat", thinned=True),
)
"""Edges from the borders of the labels."""

KNOWN: dict[str, dict[str, Any]] = dict(
    semseg=dict(folder="segmentation", classes=NAMES_40, label_map=TO_40),
    depth=dict(folder="depth", suffix=".npy", max_depth=REACH),
    normals=dict(folder="normals", suffix=".npy"),
    edges=dict(
        type="binary", folder="edge", suffix=(".png", ".npy"), label_map={0: 0, 1: 1, 255: 1}
    ),
)
"""Declaration of each target that the archive has files of."""


@DATASETS.register_module()
class NYUDMultiTask(MultiTaskDataset):
    """NYUv2's labelled part as multi-task papers measure it: 795 and 654 images, four targets.

    Archives have images and targets of 425x560 pixels or of 480x640 (height x width); this class
    reads both. `semseg` has 40 classes (0 in the files: none), `depth` metres, `normals` unit
    vectors, `edges` the files of the folder `edge`; where the data has no such folder, the thinned
    borders of the labels. `NYUv2MultiTask` reads the original data, without normals. Source:
    Maninis et al., *Attentive Single-Tasking of Multiple Tasks*, 2019
    (https://arxiv.org/abs/1904.08918).

    Args:
        split: "train" or "val": selects the list of images, unless `ann_file` is given.
        targets: names of the targets to load, or a dict of declarations as in `MultiTaskDataset`.

    Raises:
        ConfigError: another split, or an unknown target.
    """

    def __init__(
        self,
        split: str = "train",
        targets: Sequence[str] | Declared = tuple(KNOWN),
        data_root: str | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in ("train", "val"):
            raise ConfigError(f"NYUDMultiTask(split={split!r}); expected 'train' or 'val'.")
        with_files = os.path.isdir(os.path.join(data_root or "", KNOWN["edges"]["folder"]))
        known = KNOWN if with_files else {**KNOWN, "edges": OUTLINES}
        defaults = dict(
            data_prefix=dict(img_path="images"),
            img_suffix=(".png", ".jpg"),
            ann_file=f"gt_sets/{split}.txt",
            targets=known_targets("NYUDMultiTask", targets, known),
        )
        super().__init__(data_root=data_root, **{**defaults, **kwargs})
