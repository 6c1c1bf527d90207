"""StreetScenes: the embedded data set, rendered when it is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.dist import barrier, is_main_process
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from .folder_dataset import MultiTaskDataset
from .street_scenes import DEPTH_SCALE, ensure_street_scenes


@DATASETS.register_module()
class StreetScenesDataset(MultiTaskDataset):
    """Procedural street scenes with Cityscapes' 19 classes and exact depth.

    Args:
        data_root: folder of the data; rendered into it where it is missing.
        split: "train" or "val".
        counts: number of scenes of every split.
        size: (height, width) in pixels.
        seed: another seed gives other scenes.
        kwargs: as in `MultiTaskDataset`.

    Raises:
        DataError: `data_root` holds scenes of other counts, size or seed.
    """

    METAINFO: ClassVar[dict] = CityscapesDataset.METAINFO

    def __init__(
        self,
        data_root: str,
        split: str,
        counts: Mapping[str, int],
        size: Sequence[int] = (128, 256),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.scenes = dict(counts=dict(counts), size=tuple(size), seed=seed)
        super().__init__(
            data_root=data_root,
            data_prefix=dict(
                img_path=f"rgb/{split}",
                seg_map_path=f"label/{split}",
                depth_map_path=f"depth/{split}",
            ),
            depth_format=dict(scale=DEPTH_SCALE),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Render the scenes where they are missing, and list them."""
        if is_main_process():
            ensure_street_scenes(self.data_root, **self.scenes)
        barrier()
        return super().load_data_list()
