"""StreetScenes: the built-in data set, rendered if it is missing."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.dist import barrier, is_main_process
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from ...errors import DataError
from ...street_scenes import DEPTH_SCALE, FAR, Body, ensure_street_scenes, find_street_scenes
from ...targets import DEPTH, NORMALS, SEMSEG
from ..inherited import refuse_arguments
from ..multi_task_dataset import MultiTaskDataset
from .known_targets import known_targets

KNOWN: dict[str, dict[str, Any]] = {
    SEMSEG.name: dict(folder="label"),
    DEPTH.name: dict(folder="depth", scale=DEPTH_SCALE, max_depth=FAR),
    NORMALS.name: dict(folder="normals"),
    "boundary": dict(type="binary", folder="boundary"),
    "parts": dict(
        type="classes",
        folder="parts",
        classes=("background", *(body.name.lower() for body in Body if body)),
    ),
    "saliency": dict(type="binary", folder="saliency"),
    "centres": dict(type="offset", folder="instance", format=dict(type="CentreFormat")),
    "outlines": dict(type="binary", folder="instance", format=dict(type="OutlineFormat")),
}
"""Declaration of each target that the renderer writes, with its folder below `data_root`."""


@DATASETS.register_module()
class StreetScenesDataset(MultiTaskDataset):
    """Procedural street scenes with Cityscapes' 19 classes, exact truth about every pixel.

    The renderer measures depth up to 300 m; the sky is 0, not measured.

    Args:
        data_root: folder of the scenes, which are rendered into it if they are missing.
        split: "train" or "val".
        counts: number of scenes of every split.
        size: (height, width) in pixels.
        seed: another seed gives other scenes.
        targets: names of the targets to load: "semseg", "depth", "normals", "boundary" (binary:
            where class or object change), "parts" (of people), "saliency" (binary: vehicles and
            people in front), "centres" (offsets in pixels from each pixel of an object to the
            object's centre), "outlines" (binary: where objects alone change); or a dict of them
            and of others that are made from the same files, as in `MultiTaskDataset`; `folder` is
            then one of "label", "depth", "normals", "boundary", "parts", "saliency" and
            "instance".
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
        targets: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("semseg", "depth"),
        render: bool = True,
        **kwargs: Any,
    ) -> None:
        reason = "the renderer chooses the folders; targets names those that are loaded."
        refuse_arguments(self, kwargs, ("data_prefix",), reason)
        self.render = render
        self.scenes: dict[str, Any] = dict(counts=dict(counts), size=tuple(size), seed=seed)
        declared = known_targets("StreetScenesDataset", targets, KNOWN)
        for each in declared.values():
            each["folder"] = f"{each['folder']}/{split}"
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path=f"rgb/{split}"),
            targets=declared,
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
