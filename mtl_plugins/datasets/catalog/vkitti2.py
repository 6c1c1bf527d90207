"""Virtual KITTI 2: five rendered drives with classes and exact depth."""

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from ...errors import DataError
from ...targets import IGNORE_LABEL, Target
from ..files import named_files
from ..multi_task_dataset import MultiTaskDataset

COLOURS = {
    "Terrain": (210, 0, 200), "Sky": (90, 200, 255), "Tree": (0, 199, 0),
    "Vegetation": (90, 240, 0), "Building": (140, 140, 140), "Road": (100, 60, 100),
    "GuardRail": (250, 100, 255), "TrafficSign": (255, 255, 0), "TrafficLight": (200, 200, 0),
    "Pole": (255, 130, 0), "Misc": (80, 80, 80), "Truck": (160, 60, 60), "Car": (255, 127, 80),
    "Van": (0, 139, 139),
}  # fmt: skip
"""Colour of each class in the label files; Undefined is black."""

REACH = 655.0
"""Metres that the depth files distinguish; farther is the sky."""


@DATASETS.register_module()
class VirtualKitti2MultiTask(MultiTaskDataset):
    """Virtual KITTI 2: 1242x375 images, 14 classes, depth in 16-bit centimetres.

    The files end at 655.35 m (raw 65535), which is the sky and all that is farther; what is above
    655 m counts as not measured. Frames of a scene look alike: split by scene.
    Source: https://europe.naverlabs.com/research/computer-vision/proxy-virtual-worlds-vkitti-2/

    Args:
        scenes: the scenes of this split, such as ("Scene01", "Scene02").
        variations: "clone", "fog", "morning", "15-deg-left", ...
        cameras: "Camera_0", "Camera_1" or both.

    Raises:
        DataError: a chosen folder has no images.
    """

    WHOLE_FOLDERS: ClassVar[bool] = False

    def __init__(
        self,
        scenes: Sequence[str] = ("Scene01", "Scene02", "Scene06", "Scene18", "Scene20"),
        variations: Sequence[str] = ("clone",),
        cameras: Sequence[str] = ("Camera_0",),
        **kwargs: Any,
    ) -> None:
        self.drives = [(s, v, c) for s in scenes for v in variations for c in cameras]
        label_map = {colour: i for i, colour in enumerate(COLOURS.values())}
        defaults = dict(
            data_prefix=dict(img_path=".", seg_map_path=".", depth_map_path="."),
            img_suffix=".jpg",
            label_map={**label_map, (0, 0, 0): IGNORE_LABEL},
            depth_format=dict(scale=0.01, max_depth=REACH),
            metainfo=dict(classes=tuple(COLOURS), palette=[list(c) for c in COLOURS.values()]),
        )
        super().__init__(**{**defaults, **kwargs})

    def _names_in(self, folder: str) -> list[str]:
        """Return the images of the chosen drives, without listing the other folders."""
        names: list[str] = []
        for scene, variation, camera in self.drives:
            drive = os.path.join(scene, variation, "frames", "rgb", camera)
            place, suffixes = os.path.join(folder, drive), self._image_suffixes
            listed = sorted(os.listdir(place)) if os.path.isdir(place) else []
            paths = [os.path.join(place, name) for name in listed if name.startswith("rgb_")]
            found = named_files(folder, paths, suffixes)
            if not found:
                raise DataError(
                    f"{place} has no rgb_*{suffixes[0]}. Set data_root (now {self.data_root!r}), "
                    "scenes, variations or cameras to what is there."
                )
            names += found
        return names

    def target_path(self, name: str, target: Target) -> str:
        """Return the target file of the image frames/rgb/<camera>/rgb_<number>."""
        folder, frame = os.path.split(name)
        frames, camera = os.path.split(folder)
        number = frame.removeprefix("rgb_")
        kind, start = ("classSegmentation", "classgt_") if target.integer else ("depth", "depth_")
        path = os.path.join(os.path.dirname(frames), kind, camera, start + number)
        return os.path.join(self.data_prefix[target.path], path + self._suffix(target))
