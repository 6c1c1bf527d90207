"""Cityscapes: street scenes in 50 cities with classes and stereo disparity."""

import json
import os
from functools import lru_cache
from typing import Any

import numpy as np
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from ...errors import ConfigError, DataError
from ...targets import DEPTH, IGNORE_LABEL, PREDEFINED
from ...utils import read_text
from ..formats import DepthFormat, TargetFormat
from ..multi_task_dataset import MultiTaskDataset
from .known_targets import Declared, known_targets

CITYSCAPES = CityscapesDataset.METAINFO
CATEGORIES = ("flat", "construction", "object", "nature", "sky", "human", "vehicle")
CATEGORY_PALETTE = [CITYSCAPES["palette"][i] for i in (0, 2, 5, 8, 10, 11, 13)]

LABELS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Label id of each of the 19 classes."""
GROUPS = ((7, 11), (11, 17), (17, 21), (21, 23), (23, 24), (24, 26), (26, 34))
"""First and last + 1 of the label ids of each of the 7 categories."""
NONE = dict.fromkeys((-1, *range(34), 255), IGNORE_LABEL)
TRAIN_IDS = {**NONE, **{label: i for i, label in enumerate(LABELS)}}
"""Class of each label id."""
CATEGORY_IDS = {**NONE, **{k: i for i, (a, b) in enumerate(GROUPS) for k in range(a, b)}}
"""Category of each label id."""

PLAUSIBLE = (0.001, 100.0), (1.0, 1e6)
"""Limits (exclusive) of a camera's baseline in metres and focal length in pixels."""


class CityscapesDepthFormat(TargetFormat):
    """Decode Cityscapes' 16-bit disparity with the camera file of each disparity file.

    disparity = (raw - 1) / 256 pixels for raw > 0, depth = baseline * focal length / disparity.
    A disparity below one pixel (farther than about 470 m) counts as not measured: matching is
    wrong by a part of a pixel (https://doi.org/10.1109/TPAMI.2007.1166), which doubles or halves
    such depths. Source: https://github.com/mcordts/cityscapesScripts#dataset-structure

    Raises:
        DataError: a camera file is missing, damaged, or has an implausible baseline or fx.
    """

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode the disparity of the file `path` into H,W float32 metres."""
        return self.for_file(path)(raw, path)

    def for_file(self, path: str) -> DepthFormat:
        """Return the depth format of one disparity file, with its camera."""
        return _disparity_format(*_camera(camera_path(path)))


def camera_path(path: str) -> str:
    """Return the camera file of a disparity file.

    >>> camera_path("disparity/val/ulm/ulm_000000_000019_disparity.png")
    'camera/val/ulm/ulm_000000_000019_camera.json'
    """
    city_folder, file = os.path.split(path)
    split_folder, city = os.path.split(city_folder)
    folder, split = os.path.split(split_folder)
    name = file.removesuffix("_disparity.png") + "_camera.json"
    return os.path.join(os.path.dirname(folder), "camera", split, city, name)


def _camera(path: str) -> tuple[float, float]:
    """Read a camera's baseline in metres and focal length in pixels."""
    try:
        camera = json.loads(read_text(path))
        values = float(camera["extrinsic"]["baseline"]), float(camera["intrinsic"]["fx"])
    except FileNotFoundError as error:
        raise DataError(
            f"The camera {path} does not exist, and disparity has no metres without it. Unpack "
            "camera_trainvaltest.zip beside disparity, or leave data_prefix.depth_map_path out."
        ) from error
    except (OSError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"The camera {path} cannot be read: {error!r}. Expected JSON with extrinsic.baseline "
            "and intrinsic.fx; replace the file."
        ) from error
    if not all(low < value < high for value, (low, high) in zip(values, PLAUSIBLE, strict=True)):
        raise DataError(
            f"The camera {path} has baseline {values[0]} and fx {values[1]}; expected metres "
            f"between {PLAUSIBLE[0]} and pixels between {PLAUSIBLE[1]}. Replace the file."
        )
    return values


# Each format has a table of all raw values; the data set has only a few cameras.
@lru_cache(maxsize=64)
def _disparity_format(baseline: float, fx: float) -> DepthFormat:
    scale = 1 / (256 * baseline * fx)
    # Above one pixel by less than a raw step, so that rounding does not lose it.
    reach = baseline * fx * (1 + 1 / 1024)
    return DepthFormat(scale=scale, offset=-scale, inverse=True, max_depth=reach)


# Labels without a class, as labels or as those of single objects (label * 1000 + number).
VOID = sorted({*range(34)} - {*LABELS})
INSTANCES = dict(suffix="_gtFine_instanceIds.png")
"""Files of objects: label * 1000 + number, or the label alone of stuff and of crowds."""

KNOWN: dict[str, dict[str, Any]] = dict(
    **{name: {} for name in PREDEFINED},
    edges=dict(
        type="binary",
        format=dict(
            type="OutlineFormat", invalid=(*VOID, *((k * 1000, k * 1000 + 999) for k in VOID[1:]))
        ),
        **INSTANCES,
    ),
    centres=dict(type="offset", format=dict(type="CentreFormat", invalid=((0, 999),)), **INSTANCES),
)
"""Declarations of the targets that are made from the files of objects."""


@DATASETS.register_module()
class CityscapesMultiTask(MultiTaskDataset):
    """Cityscapes' fine annotations: 2048x1024 images, classes, depth from disparity.

    The test split has neither (its public label files are empty).

    Args:
        split: "train", "val" or "test": selects the folders, unless `data_prefix` is given.
        num_classes: 19, or 7 for the categories of the MTAN protocol (https://arxiv.org/abs/
            1803.10704): flat, construction, object, nature, sky, human, vehicle.
        targets: as in `MultiTaskDataset`. `dict(edges={})` adds outlines of all classes and
            objects (`binary`, 255 where there is no class), `dict(centres={})` the offsets to the
            centres of objects; both are made from `*_gtFine_instanceIds.png`.
        kwargs: with a `depth_format`, disparity is decoded without cameras.

    Raises:
        ConfigError: another split or number of classes.
        DataError: a camera is wrong, see `CityscapesDepthFormat`.
    """

    def __init__(
        self,
        split: str = "train",
        num_classes: int = 19,
        targets: Declared | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in ("train", "val", "test") or num_classes not in (19, 7):
            raise ConfigError(
                f"CityscapesMultiTask(split={split!r}, num_classes={num_classes}); expected "
                "'train', 'val' or 'test', and 19 or 7."
            )
        fine = num_classes == 19
        prefix = dict(img_path=f"leftImg8bit/{split}")
        if split != "test":
            prefix.update(seg_map_path=f"gtFine/{split}", depth_map_path=f"disparity/{split}")
        defaults = dict(
            data_prefix=prefix,
            img_suffix="_leftImg8bit.png",
            seg_map_suffix="_gtFine_labelIds.png",
            depth_map_suffix="_disparity.png",
            label_map=TRAIN_IDS if fine else CATEGORY_IDS,
            metainfo=CITYSCAPES if fine else dict(classes=CATEGORIES, palette=CATEGORY_PALETTE),
        )
        known = {
            name: dict(each, folder=f"gtFine/{split}") if each else {}
            for name, each in KNOWN.items()
        }
        own = known_targets("CityscapesMultiTask", targets or {}, known)
        super().__init__(**{**defaults, **kwargs}, targets=own)
        declared = self.declarations[DEPTH.name]
        # Unless the config describes the files, here or in targets.depth.
        if not declared.arguments:
            if declared.target.range is not None:
                raise ConfigError(
                    f"CityscapesMultiTask: targets.depth.range={declared.target.range} does not "
                    "apply to the metres of each file's camera. Limit the head instead, "
                    "codec=dict(type='ExpCodec', min_depth=..., max_depth=...), and the metric, "
                    "MultiTaskMetric(min_depth=..., max_depth=...)."
                )
            self.formats[DEPTH.name] = CityscapesDepthFormat()
