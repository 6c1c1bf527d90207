"""SHIFT: rendered drives in changing weather with classes and 24-bit depth."""

from typing import Any

import numpy as np
from mmseg.registry import DATASETS

from ...errors import ConfigError
from ...targets import IGNORE_LABEL, SEMSEG
from ..formats import TargetFormat
from ..multi_task_dataset import MultiTaskDataset

COLOURS = {
    "unlabeled": (0, 0, 0), "building": (70, 70, 70), "fence": (100, 40, 40),
    "other": (55, 90, 80), "pedestrian": (220, 20, 60), "pole": (153, 153, 153),
    "road line": (157, 234, 50), "road": (128, 64, 128), "sidewalk": (244, 35, 232),
    "vegetation": (107, 142, 35), "vehicle": (0, 0, 142), "wall": (102, 102, 156),
    "traffic sign": (220, 220, 0), "sky": (70, 130, 180), "ground": (81, 0, 81),
    "bridge": (150, 100, 100), "rail track": (230, 150, 140), "guard rail": (180, 165, 180),
    "traffic light": (250, 170, 30), "static": (110, 190, 160), "dynamic": (170, 120, 50),
    "water": (45, 60, 150), "terrain": (145, 170, 100),
}  # fmt: skip
"""Name and colour of each raw label value, from 0 on."""

UNCOUNTED = {
    "unlabeled", "other", "ground", "bridge", "rail track", "guard rail", "static", "dynamic",
    "water",
}  # fmt: skip
"""Classes that the authors' evaluation leaves out."""

CLASSES = tuple(name for name in COLOURS if name not in UNCOUNTED)

LARGEST = 256**3 - 1
"""The largest raw depth: 24 bits."""

FAR = 1000.0
"""Metres of the largest raw depth."""

REACH = 999.0
"""Metres beyond which there is only sky, which is rendered a few raw steps short of `FAR`."""


class FirstChannelFormat(TargetFormat):
    """Decode only the first channel (red) of files with one or several channels.

    Args:
        inner: the format of the first channel.
    """

    channels = 0
    exact = True

    def __init__(self, inner: TargetFormat) -> None:
        self.inner = inner

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        return self.inner(raw[..., 0] if raw.ndim == 3 else raw, path)

    def encode(self, values: np.ndarray) -> np.ndarray:
        return self.inner.encode(values)


@DATASETS.register_module()
class ShiftMultiTask(MultiTaskDataset):
    """SHIFT's discrete set, one frame a second: 1280x800 images, 14 classes, depth in 24 bits.

    depth = (R + 256 G + 65536 B) / (2^24 - 1) * 1000 m. The sky is at the far plane of 1000 m, in
    real frames at raw 16777210 and not the largest, so depth above 999 m counts as not measured.
    The test split has only images. Sources: https://www.vis.xyz/shift/get_started and, for the
    order of the channels, https://github.com/SysCV/shift-dev/issues/2.

    Args:
        split: "train", "val" or "test": selects the folders, unless `data_prefix` is given.
        view: "front", "left_45", "left_90", "right_45", "right_90" or "left_stereo".

    Raises:
        ConfigError: another split.
    """

    def __init__(self, split: str = "train", view: str = "front", **kwargs: Any) -> None:
        if split not in ("train", "val", "test"):
            raise ConfigError(
                f"ShiftMultiTask(split={split!r}); expected 'train', 'val' or 'test'."
            )
        groups = dict(img_path="img")
        if split != "test":
            groups.update(seg_map_path="semseg", depth_map_path="depth")
        ids = {name: i for i, name in enumerate(CLASSES)}
        defaults = dict(
            data_prefix={
                key: f"discrete/images/{split}/{view}/{group}" for key, group in groups.items()
            },
            img_suffix=f"_img_{view}.jpg",
            seg_map_suffix=f"_semseg_{view}.png",
            depth_map_suffix=f"_depth_{view}.png",
            label_map={
                **{raw: ids.get(name, IGNORE_LABEL) for raw, name in enumerate(COLOURS)},
                IGNORE_LABEL: IGNORE_LABEL,
            },
            depth_format=dict(scale=FAR / LARGEST, digits=(1, 256, 256**2), max_depth=REACH),
            metainfo=dict(classes=CLASSES, palette=[list(COLOURS[name]) for name in CLASSES]),
        )
        super().__init__(**{**defaults, **kwargs})
        if SEMSEG.name in self.formats:
            self.formats[SEMSEG.name] = FirstChannelFormat(self.formats[SEMSEG.name])
