"""Every data key of the toolkit, with its shape, type, unit and "invalid" value.

| where              | key              | shape, type                 | unit      | invalid |
|--------------------|------------------|-----------------------------|-----------|---------|
| file -> transform  | `img`            | H,W,3 uint8, BGR            | intensity | -       |
|                    | `gt_seg_map`     | H,W uint8                   | class id  | 255     |
|                    | `gt_depth_map`   | H,W float32                 | metres    | 0       |
|                    | `gt_normal_map`  | H,W,3 float32               | unit      | 0,0,0   |
| SegDataSample      | `gt_sem_seg`     | 1,H,W int64                 | class id  | 255     |
|                    | `gt_depth_map`   | 1,H,W float32               | metres    | 0       |
|                    | `gt_normal_map`  | 3,H,W float32               | unit      | 0,0,0   |
|                    | `pred_sem_seg`   | 1,H,W int64                 | class id  | -       |
|                    | `pred_depth_map` | 1,H,W float32               | metres    | -       |
|                    | `pred_normal_map`| 3,H,W float32               | unit      | -       |
| preprocessor       | `inputs`         | N,3,H,W float32, normalised | -         | -       |
| encoder            | tuple of maps    | N,C_i,H/s_i,W/s_i           | -         | -       |
| decoder            | feature map      | N,C,H/s,W/s                 | -         | -       |
| multi-task head    | {task: raw}      | N,C_t,h,w                   | task's    | -       |
| loss               | {task/loss: L}   | scalar                      | -         | -       |

Normals are unit vectors of the visible surface in the camera frame: x right, y down, z ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import ConfigError

IGNORE_LABEL = 255
"""Class id of a pixel without a class: not trained on, not evaluated."""

NO_DEPTH = 0.0
"""Depth of a pixel without a measurement: not trained on, not evaluated."""

NO_NORMAL = 0.0
"""Each component of the normal of a pixel without one: not trained on, not evaluated."""

MIRRORED_AXES = {"horizontal": (0,), "vertical": (1,), "diagonal": (0, 1)}
"""Components of a vector (x right, y down) that change sign when the image is flipped."""

SEVERAL_TASKS = "multitask"
"""First part of the names of measures over several tasks; no kind may have this name."""

GIVEN = {"img", "img_path", "inputs"}
"""Keys of a sample's image, which no target may use."""


@dataclass(frozen=True)
class DenseTarget:
    """Describe one kind of dense target: its keys in transforms, samples and files, its values.

    Args:
        kind: name of the kind; chooses the metric, file format and painter.
        invalid: value of a pixel without truth, and of padding.
        channels: numbers per pixel.
        vector: whether the channels are a vector (x right, y down, ...), which changes when the
            image is mirrored.
        array: key in a transform's results; default: `gt_<kind>_map`.
        truth, prediction, logits: keys on a `SegDataSample`; defaults: `gt_<kind>_map`,
            `pred_<kind>_map`, `<kind>_raw`.
        path: key of its file in `data_prefix` and in a sample; default: `<kind>_map_path`.

    Values are float32; for classes they are ids.

    >>> DEPTH.truth, DEPTH.prediction, DEPTH.invalid
    ('gt_depth_map', 'pred_depth_map', 0.0)
    """

    kind: str
    invalid: float
    channels: int = 1
    vector: bool = False
    array: str = ""
    truth: str = ""
    prediction: str = ""
    logits: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        defaults = dict(
            array=f"gt_{self.kind}_map",
            truth=f"gt_{self.kind}_map",
            prediction=f"pred_{self.kind}_map",
            logits=f"{self.kind}_raw",
            path=f"{self.kind}_map_path",
        )
        for name, default in defaults.items():
            object.__setattr__(self, name, getattr(self, name) or default)

    @property
    def keys(self) -> set[str]:
        """Every key of the kind in results, samples and data sets."""
        return {self.array, self.truth, self.prediction, self.logits, self.path}


SEMSEG = DenseTarget(
    kind="semseg",
    invalid=IGNORE_LABEL,
    array="gt_seg_map",
    truth="gt_sem_seg",
    prediction="pred_sem_seg",
    logits="seg_logits",
    path="seg_map_path",
)
DEPTH = DenseTarget(kind="depth", invalid=NO_DEPTH)
NORMALS = DenseTarget(
    kind="normals",
    invalid=NO_NORMAL,
    channels=3,
    vector=True,
    array="gt_normal_map",
    truth="gt_normal_map",
    prediction="pred_normal_map",
    path="normal_map_path",
)
DENSE_TARGETS: dict[str, DenseTarget] = {target.kind: target for target in (SEMSEG, DEPTH, NORMALS)}
"""Every known kind of dense target, in the order of tables and pictures. Only `register_target`
adds to it."""


def register_target(target: DenseTarget) -> DenseTarget:
    """Make a kind of dense target known to loading, transforms, samples and pictures.

    The same target may be registered again.

    Raises:
        ConfigError: the kind or one of its keys is taken, or a value is out of range.

    >>> register_target(DenseTarget(kind="depth", invalid=-1.0))
    Traceback (most recent call last):
    mtl_plugins.errors.ConfigError: The kind 'depth' is taken. Call the target something else, \
with keys of its own.
    """
    if DENSE_TARGETS.get(target.kind) == target:
        return target
    _check_values(target)
    taken = GIVEN.union(*(other.keys for other in DENSE_TARGETS.values()))
    what = f"kind {target.kind!r}" if target.kind in DENSE_TARGETS else ""
    if shared := sorted(target.keys & taken):
        what = what or f"key {shared[0]!r} of the kind {target.kind!r}"
    if what:
        raise ConfigError(
            f"The {what} is taken. Call the target something else, with keys of its own."
        )
    DENSE_TARGETS[target.kind] = target
    return target


def _check_values(target: DenseTarget) -> None:
    named = target.kind.isidentifier() and target.kind != SEVERAL_TASKS
    proper = math.isfinite(target.invalid) and target.channels >= (2 if target.vector else 1)
    if not (named and proper and target.path.endswith("_path")):
        raise ConfigError(
            f"{target}: expected a kind that is an identifier and not {SEVERAL_TASKS!r}, a finite "
            "invalid value, one channel or more (two of a vector), and a path that ends in _path."
        )
