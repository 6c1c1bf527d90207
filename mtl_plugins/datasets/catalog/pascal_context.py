"""PASCAL-Context with the five targets of PASCAL-MT."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmseg.datasets import PascalVOCDataset
from mmseg.registry import DATASETS

from ...errors import ConfigError, DataError
from ...targets import NORMALS, SEMSEG, Target
from ..files import read_mat
from ..multi_task_dataset import MultiTaskDataset
from .known_targets import Declared, known_targets

PARTS = ("background", "head", "torso", "upper arm", "lower arm", "upper leg", "lower leg")
"""Classes of the human parts."""

PART_IDS: dict[str, int] = {
    **dict.fromkeys(("hair", "head", "mouth", "nose"), 1),
    **dict.fromkeys((f"{side}{name}" for side in "lr" for name in ("ear", "ebrow", "eye")), 1),
    **dict.fromkeys(("neck", "torso"), 2),
    **{f"{side}uarm": 3 for side in "lr"},
    **{f"{side}{name}": 4 for side in "lr" for name in ("larm", "hand")},
    **{f"{side}uleg": 5 for side in "lr"},
    **{f"{side}{name}": 6 for side in "lr" for name in ("lleg", "foot")},
}
"""Class of each part that PASCAL-Part names."""

PERSON = 15
"""Number of the class of people in PASCAL-Part."""

FACING = (
    3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39, 41, 43, 46, 49, 50,
    51, 53, 55, 56, 59, 61, 62, 65, 66, 68, 69, 72, 73, 78, 83, 84, 85, 87, 88, 95, 96, 101, 104,
    105, 107, 111, 113, 115, 122, 124, 135, 141, 142, 143, 146, 150, 154, 157, 158, 159, 165, 172,
    174, 181, 183, 184, 191, 193, 195, 197, 199, 202, 213, 215, 216, 219, 220, 223, 225, 228, 230,
    232, 233, 238, 239, 242, 243, 246, 250, 251, 252, 255, 260, 261, 263, 269, 272, 273, 275, 281,
    283, 284, 285, 286, 287, 288, 290, 291, 292, 293, 295, 304, 307, 309, 310, 314, 315, 319, 323,
    329, 330, 331, 336, 342, 345, 349, 350, 351, 352, 355, 357, 368, 370, 371, 374, 379, 380, 383,
    384, 397, 401, 403, 405, 407, 408, 411, 412, 413, 414, 417, 419, 421, 423, 427, 429, 430, 432,
    440, 441, 442, 443, 444, 446, 454, 457,
)  # fmt: skip
"""Those of the 459 classes of PASCAL-Context that NYUv2 has too (and 427, its television): on them
alone the normals of a network that was trained on NYUv2 are meaningful."""

CONTEXT = "pascal-context/trainval"
"""Folder of the files with all 459 classes."""

KNOWN: dict[str, dict[str, Any]] = dict(
    semseg=dict(
        folder="semseg/VOC12",
        classes=PascalVOCDataset.METAINFO["classes"],
        palette=PascalVOCDataset.METAINFO["palette"],
    ),
    parts=dict(type="classes", classes=PARTS, folder="human_parts", suffix=".mat"),
    saliency=dict(
        type="binary", folder="sal_distill", label_map={v: int(v > 127) for v in range(256)}
    ),
    normals=dict(folder="normals_distill"),
    edges=dict(
        type="binary",
        folder=CONTEXT,
        suffix=".mat",
        format=dict(type="OutlineFormat", thinned=True),
    ),
)
"""Declaration of each target that the archive has files of."""


@DATASETS.register_module()
class PascalContextMultiTask(MultiTaskDataset):
    """PASCAL-Context in the folders of the archive PASCAL_MT: 4998 and 5105 photographs.

    `semseg` has the 20 classes of PASCAL VOC and background (files in semseg/VOC12, otherwise in
    semseg/pascal-context), `parts` six parts of people and background, `saliency` the distilled
    map from one half on, `normals` the distilled normals where the class is one of `FACING`,
    `edges` the thinned borders of PASCAL-Context's 459 classes. Parts are learned and measured in
    images with people alone: `IgnoreEmpty(kinds=("parts",))` belongs into the pipelines. Source:
    Maninis et al., *Attentive Single-Tasking of Multiple Tasks*, 2019
    (https://arxiv.org/abs/1904.08918).

    Args:
        split: "train" or "val": selects the list of images, unless `ann_file` is given.
        targets: names of the targets to load, or a dict of declarations as in `MultiTaskDataset`.

    Raises:
        ConfigError: another split, or an unknown target.
        DataError: while reading, a `.mat` file is damaged or lacks what it should hold.
    """

    def __init__(
        self,
        split: str = "train",
        targets: Sequence[str] | Declared = tuple(KNOWN),
        **kwargs: Any,
    ) -> None:
        if split not in ("train", "val"):
            raise ConfigError(
                f"PascalContextMultiTask(split={split!r}); expected 'train' or 'val'."
            )
        defaults = dict(
            data_prefix=dict(img_path="JPEGImages"),
            img_suffix=".jpg",
            ann_file=f"ImageSets/Context/{split}.txt",
            targets=known_targets("PascalContextMultiTask", targets, KNOWN),
        )
        super().__init__(**{**defaults, **kwargs})

    def target_path(self, name: str, target: Target) -> str:
        """Return the target file of the image `name`."""
        path = super().target_path(name, target)
        if target.name != SEMSEG.name or self._stored.find(path, self._suffixes(target)):
            return path
        folder = os.path.dirname(self.data_prefix[target.path])
        return os.path.join(folder, "pascal-context", name + self._suffix(target))

    def read_target(
        self, entry: dict, target: Target, backend_args: dict | None = None
    ) -> np.ndarray:
        """Return the raw values of a target; normals are black where they mean nothing."""
        path = entry[target.path]
        if path.endswith(".mat"):
            content = read_mat(path, backend_args)
            return _parts(content, path) if target.name == "parts" else _labels(content, path)
        raw = super().read_target(entry, target, backend_args)
        if target.name != NORMALS.name:
            return raw
        name = os.path.splitext(os.path.basename(path))[0]
        path = os.path.join(self.data_root or "", CONTEXT, name + ".mat")
        labels = _labels(read_mat(path, backend_args), path)
        if labels.shape != raw.shape[:2]:
            raise DataError(
                f"{path} has labels of {labels.shape}, but the normals in {entry[target.path]} are "
                f"of {raw.shape[:2]} (height, width). Unpack the archive again."
            )
        return np.where(np.isin(labels, FACING)[..., None], raw, 0)


def _labels(content: Mapping[str, Any], path: str) -> np.ndarray:
    """Return the classes of a file of PASCAL-Context, H,W."""
    return _matrix(content.get("LabelMap"), path, "matrix LabelMap of classes")


def _matrix(found: Any, path: str, expected: str) -> np.ndarray:
    """Raise a `DataError` unless something is a matrix of numbers."""
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind not in "biuf":
        raise DataError(f"{path} has no {expected}. Unpack the archive PASCAL_MT again.")
    return found


def _parts(content: Mapping[str, Any], path: str) -> np.ndarray:
    """Draw the parts of all people in a file of PASCAL-Part, H,W uint8."""
    try:
        objects = content["anno"][0]["objects"]
        masks = [_matrix(each["mask"], path, "mask of an object") for each in objects]
        labels = np.zeros(masks[0].shape, np.uint8)
        for each in objects:
            # Where a person has none, `parts` is an empty matrix.
            for part in each["parts"] if int(each["class_ind"].item()) == PERSON else ():
                mask = _matrix(part["mask"], path, "mask of a part")
                labels[mask.astype(bool)] = PART_IDS[part["part_name"]]
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} does not hold the objects of PASCAL-Part (anno.objects with class_ind, mask "
            f"and parts): {error!r}. Unpack the archive PASCAL_MT again."
        ) from error
    return labels
