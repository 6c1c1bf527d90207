"""What is known about the classes and units of a trained network's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from ...models.task_heads import TaskHead
from ...targets import SEMSEG
from ...visualization import default_palette


def read_metainfo(
    heads: Mapping[str, TaskHead], checkpoint: Mapping[str, Any], config: Config
) -> dict[str, Any]:
    """Return `classes`, `palette`, `depth_unit` and `tasks`; see `Predictor`.

    Names come from the data set that the checkpoint was trained on, else from the config's; where
    they do not fit the head they are "class 0", "class 1", ...
    """
    kinds = {task: head.target.kind for task, head in heads.items()}
    meta = _stored(checkpoint) or _configured(config)
    number = next((head.out_channels for head in heads.values() if head.target is SEMSEG), 0)
    classes: Any = meta.get("classes")
    palette: Any = meta.get("palette")
    if not _all(classes, str) or len(classes) != number:
        classes = [f"class {index}" for index in range(number)]
    if not _all(palette, (list, tuple)) or len(palette) != number or not all(map(_rgb, palette)):
        palette = default_palette(number)
    unit = meta.get("depth_unit")
    return dict(
        classes=tuple(classes),
        palette=[tuple(color) for color in palette],
        depth_unit=unit if isinstance(unit, str) else "m",
        tasks=kinds,
    )


def _stored(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = checkpoint.get("meta")
    found = meta.get("dataset_meta") if isinstance(meta, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _configured(config: Config) -> Mapping[str, Any]:
    """Return what the config's data set says of itself, without opening its files."""
    for split in ("test", "val", "train"):
        dataset = (config.get(f"{split}_dataloader") or {}).get("dataset") or {}
        known = DATASETS.module_dict.get(dataset.get("type"))
        found = {
            **getattr(known, "METAINFO", {}),
            **{key: dataset[key] for key in ("depth_unit",) if key in dataset},
            **(dataset.get("metainfo") or {}),
        }
        if found.get("classes"):
            return found
    return {}


def _all(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, kind) for value in values)


def _rgb(color: Sequence[Any]) -> bool:
    return len(color) == 3 and all(isinstance(c, int) and 0 <= c <= 255 for c in color)
