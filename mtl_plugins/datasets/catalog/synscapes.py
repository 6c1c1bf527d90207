"""Synscapes: 25 000 rendered street scenes with Cityscapes' classes and exact depth."""

from typing import Any, ClassVar

from mmseg.registry import DATASETS

from ...errors import ConfigError, DataError
from ..multi_task_dataset import MultiTaskDataset
from .cityscapes import CITYSCAPES, TRAIN_IDS

SPLITS = {"train": range(1, 24501), "val": range(24501, 25001)}
"""Numbers of the scenes. The authors publish no split; all scenes show different places."""

REACH = 999.0
"""Metres beyond which there is only sky; stored as 1000 m or more, or as infinity."""


@DATASETS.register_module()
class SynscapesMultiTask(MultiTaskDataset):
    """Synscapes: 1440x720 images, Cityscapes' label ids, planar depth in metres (OpenEXR floats).

    The sky has depths from 1000 m on; what is above 999 m counts as not measured.
    Source: https://synscapes.on.liu.se/features.html

    Args:
        split: "train" (scenes 1 to 24500) or "val" (24501 to 25000); missing scenes are left
            out. For another split list the scenes in `ann_file`.

    Raises:
        ConfigError: another split.
        DataError: no image of the split exists.
        ImportError: while reading, OpenEXR is not installed.
    """

    # The folders contain both splits.
    WHOLE_FOLDERS: ClassVar[bool] = False

    def __init__(self, split: str = "train", **kwargs: Any) -> None:
        if split not in SPLITS:
            raise ConfigError(f"SynscapesMultiTask(split={split!r}); expected 'train' or 'val'.")
        self.split = split
        defaults = dict(
            data_prefix=dict(
                img_path="img/rgb", seg_map_path="img/class", depth_map_path="img/depth"
            ),
            img_suffix=".png",
            seg_map_suffix=".png",
            depth_map_suffix=".exr",
            label_map=TRAIN_IDS,
            depth_format=dict(max_depth=REACH),
            metainfo=CITYSCAPES,
        )
        super().__init__(**{**defaults, **kwargs})

    def _names_in(self, folder: str) -> list[str]:
        present = {name for name in super()._names_in(folder) if name.isdigit()}
        names = [str(number) for number in SPLITS[self.split] if str(number) in present]
        if not names:
            numbers = SPLITS[self.split]
            raise DataError(
                f"{folder} has none of the scenes {numbers[0]} to {numbers[-1]} of the split "
                f"{self.split!r}. Complete it, or name your scenes in ann_file."
            )
        return names
