"""Every data key that travels through the toolkit: shape, type, unit and "invalid" value.

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

Normals are unit vectors of the seen surface in the camera frame: x right, y down, z ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

IGNORE_LABEL = 255
"""Class id of a pixel that has no class: never trained on, never counted."""

NO_DEPTH = 0.0
"""Depth of a pixel that was not measured: never trained on, never counted."""

NO_NORMAL = 0.0
"""Every component of the normal of a pixel without one: never trained on, never counted."""

MIRRORED_AXES = {"horizontal": (0,), "vertical": (1,), "diagonal": (0, 1)}
"""Components of a vector (x right, y down) that change sign where the image is flipped."""


@dataclass(frozen=True)
class DenseTarget:
    """One kind of dense target: how transforms, samples and pictures call it.

    `array` is the key in a transform's results, `truth` and `prediction` are the keys on a
    `SegDataSample`, `invalid` is the value of a pixel without truth (also what padding is
    filled with), `kind` chooses how it is measured and drawn. `path` is the key of its file in
    `data_prefix` and in a sample, `channels` the length of a pixel's value; `vector` says that the
    channels point somewhere (x right, y down, ...), so that mirroring the image turns them.

    >>> DEPTH.truth, DEPTH.prediction, DEPTH.invalid
    ('gt_depth_map', 'pred_depth_map', 0.0)
    """

    kind: str
    array: str
    truth: str
    prediction: str
    logits: str
    invalid: float
    path: str
    channels: int = 1
    vector: bool = False


SEMSEG = DenseTarget(
    kind="semseg",
    array="gt_seg_map",
    truth="gt_sem_seg",
    prediction="pred_sem_seg",
    logits="seg_logits",
    invalid=IGNORE_LABEL,
    path="seg_map_path",
)
DEPTH = DenseTarget(
    kind="depth",
    array="gt_depth_map",
    truth="gt_depth_map",
    prediction="pred_depth_map",
    logits="depth_raw",
    invalid=NO_DEPTH,
    path="depth_map_path",
)
NORMALS = DenseTarget(
    kind="normals",
    array="gt_normal_map",
    truth="gt_normal_map",
    prediction="pred_normal_map",
    logits="normals_raw",
    invalid=NO_NORMAL,
    path="normal_map_path",
    channels=3,
    vector=True,
)
DENSE_TARGETS: dict[str, DenseTarget] = {target.kind: target for target in (SEMSEG, DEPTH, NORMALS)}
"""Every known kind of dense target, in the order in which tables and pictures show them."""
