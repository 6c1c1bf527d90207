"""Several data sets as one."""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import ConcatDataset as MMEngineConcatDataset
from mmseg.registry import DATASETS

from ..errors import ConfigError


@DATASETS.register_module()
class ConcatDataset(MMEngineConcatDataset):
    """Join data sets as mmengine does, which may have different targets.

    mmengine requires equal metainfo. Here `metainfo["targets"]` has the targets of all parts; a
    sample has those of its own part, and trains the tasks that it has.

    Args:
        datasets: configs of the data sets, or data sets.
        kwargs: as in mmengine (lazy_init, ignore_keys).

    Raises:
        ConfigError: parts have different targets of one name, or a different `image_range`.
    """

    def __init__(self, datasets: Sequence[Any], **kwargs: Any) -> None:
        ignored = kwargs.pop("ignore_keys", None) or []
        names = [ignored] if isinstance(ignored, str) else [*ignored]
        super().__init__(datasets, ignore_keys=[*names, "targets", "image_range"], **kwargs)
        ranges = [part.metainfo.get("image_range") for part in self.datasets]
        if len({*ranges}) > 1:
            raise ConfigError(
                f"ConcatDataset: its parts have image_range={ranges}, but prediction needs one for "
                "all. Give each part the same; images of 8 bits are read as they are."
            )
        found: dict[str, dict[str, Any]] = {}
        for number, part in enumerate(self.datasets):
            for name, parameters in part.metainfo.get("targets", {}).items():
                if found.setdefault(name, parameters) != parameters:
                    raise ConfigError(
                        f"ConcatDataset: part {number} has the target {name!r} with {parameters}, "
                        f"an earlier part with {found[name]}. Make them equal, or give them "
                        "different names."
                    )
        if found:
            self._metainfo["targets"] = found
