"""The target and the head of each task, from its config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmseg.registry import MODELS

from ...errors import ConfigError
from ...targets import PREDEFINED, Target, declared_target
from ...utils import did_you_mean
from .depth_head import DepthHead


def _scalar(target: Target) -> dict[str, Any]:
    if target.distance:
        return dict(type="DepthHead")
    return dict(type="ScalarHead", range=target.range)


DEFAULTS: dict[str, Callable[[Target], dict[str, Any]]] = dict(
    classes=lambda target: dict(type="SegmentationHead", num_classes=target.num_classes or None),
    binary=lambda target: dict(type="BinaryHead"),
    scalar=_scalar,
    direction=lambda target: dict(type="NormalsHead"),
    offset=lambda target: dict(type="OffsetHead"),
)
"""Type -> config of the default head of a target."""


def head_config(config: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Complete the config of a head by its target: type, number of classes, range.

    >>> head_config({}, Target("lanes", "classes", classes=("none", "solid")))
    {'type': 'SegmentationHead', 'num_classes': 2}
    """
    default = DEFAULTS[target.type](target)
    completed = dict(config)
    if completed.setdefault("type", default["type"]) == default["type"]:
        completed = {**{k: v for k, v in default.items() if v is not None}, **completed}
    head_class = MODELS.get(completed["type"])
    if target.distance and target.range and head_class and issubclass(head_class, DepthHead):
        limits = dict(zip(("min_depth", "max_depth"), target.range, strict=True))
        completed["codec"] = {"type": "ExpCodec", **limits, **(completed.get("codec") or {})}
    return completed


def task_targets(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Target]:
    """Return the target of each task.

    A head's config has its `target` as the parameters of one (a completed config), or as the name
    of a predefined one; without any, the task's name is that of the target. A task of another name
    whose head is made for one predefined target learns that one, as in version 0.1. Of several
    tasks with one target, all but the first get a prediction of their own.

    Raises:
        ConfigError: a task has no target.

    >>> found = task_targets(dict(semseg={}, second=dict(target="semseg")))
    >>> found["second"].truth, found["second"].prediction
    ('gt_sem_seg', 'pred_second_map')
    """
    found: dict[str, Target] = {}
    for task, config in configs.items():
        target = _target(task, config)
        if target.name in {other.name for other in found.values()}:
            target = target.learned_by(task)
        found[task] = target
    return found


def _target(task: str, config: Mapping[str, Any]) -> Target:
    given = config.get("target", task)
    if isinstance(given, Mapping):
        parameters = dict(given)
        return declared_target(parameters.pop("name", task), parameters)
    if given in PREDEFINED:
        return PREDEFINED[given]
    made_for = getattr(MODELS.get(config["type"]), "target", None) if "type" in config else None
    if "target" in config or made_for is None:
        raise ConfigError(
            f"task_heads.{task} learns the target {given!r}, which no data set declares. "
            f"{did_you_mean(str(given), PREDEFINED)} Declare it in the targets of "
            "train_dataloader.dataset, or describe it: target=dict(type=..., ...)."
        )
    return made_for
