"""StreetScenes: the built-in data set, rendered if it is missing."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.dist import barrier, is_main_process
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from ...errors import ConfigError, DataError
from ...street_scenes import DEPTH_SCALE, ensure_street_scenes, find_street_scenes
from ...targets import DENSE_TARGETS, DEPTH, NORMALS, SEMSEG
from ...utils import did_you_mean
from ..multi_task_dataset import MultiTaskDataset

FOLDERS = {SEMSEG.kind: "label", DEPTH.kind: "depth", NORMALS.kind: "normals"}
"""Kind of target -> folder below `data_root`."""


@DATASETS.register_module()
class StreetScenesDataset(MultiTaskDataset):
    """Procedural street scenes with Cityscapes' 19 classes, exact depth and exact normals.

    Args:
        data_root: folder of the scenes, which are rendered into it if they are missing.
        split: "train" or "val".
        counts: number of scenes of every split.
        size: (height, width) in pixels.
        seed: another seed gives other scenes.
        targets: kinds of target to load: "semseg", "depth", "normals".
        render: False: missing scenes are an error.

    Raises:
        ConfigError: a target is unknown.
        DataError: `data_root` has scenes of other counts, size or seed.
    """

    METAINFO: ClassVar[dict] = CityscapesDataset.METAINFO
    CHECKING: ClassVar[dict] = dict(MultiTaskDataset.CHECKING, render=False)

    def __init__(
        self,
        data_root: str,
        split: str,
        counts: Mapping[str, int],
        size: Sequence[int] = (128, 256),
        seed: int = 0,
        targets: Sequence[str] = ("semseg", "depth"),
        render: bool = True,
        **kwargs: Any,
    ) -> None:
        self.render = render
        self.scenes: dict[str, Any] = dict(counts=dict(counts), size=tuple(size), seed=seed)
        unknown = sorted(set(targets) - set(FOLDERS))
        if unknown:
            raise ConfigError(
                f"StreetScenesDataset: targets={list(targets)}; choose from {list(FOLDERS)}. "
                + did_you_mean(unknown[0], FOLDERS)
            )
        paths = {DENSE_TARGETS[kind].path: f"{FOLDERS[kind]}/{split}" for kind in targets}
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path=f"rgb/{split}", **paths),
            depth_format=dict(scale=DEPTH_SCALE),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        if not self.render:
            if not find_street_scenes(self.data_root, **self.scenes):
                raise DataError(
                    f"There are no StreetScenes in {self.data_root}. Training renders them, or "
                    "tools/make_street_scenes.py."
                )
        elif is_main_process():
            ensure_street_scenes(self.data_root, **self.scenes)
        barrier()
        return super().load_data_list()
