"""The target and the head of each task, from its config."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mmseg.registry import MODELS

from ...errors import ConfigError
from ...targets import PREDEFINED, Target, declared_target
from ...utils import did_you_mean
from .task_head import TaskHead

DEFAULTS: dict[str, str] = dict(
    classes="SegmentationHead",
    binary="BinaryHead",
    scalar="ScalarHead",
    distance="DepthHead",
    direction="NormalsHead",
    offset="OffsetHead",
)
"""Form of a target -> registered name of its default head."""


def head_config(config: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Complete the config of a head by its target: type, number of classes, range.

    >>> head_config({}, Target("lanes", "classes", classes=("none", "solid")))
    {'type': 'SegmentationHead', 'num_classes': 2}
    """
    default = DEFAULTS[target.form]
    completed = {"type": default, **config}
    head_class = _class_of(completed)
    if head_class is None:
        return completed  # the registry's own error names what there is
    if not (inspect.isclass(head_class) and issubclass(head_class, TaskHead)):
        raise ConfigError(
            f"{completed['type']!r} is no task head of this package. Leave type out to get "
            f"{default}, or choose another."
        )
    accepted = inspect.signature(head_class).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in accepted.values())
    for name, value in head_class.arguments_for(target).items():
        if name in accepted or open_ended:
            given = completed.get(name, value)
            completed[name] = {**value, **(given or {})} if isinstance(value, dict) else given
    return completed


def task_targets(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Target]:
    """Return the target of each task.

    A head's config has its `target` as the parameters of one (a completed config), or as the name
    of a predefined one; without any, the task's name is that of the target. A task of another name
    whose head is made for one predefined target learns that one, as in version 0.1. Of several
    tasks with one target, the one of its name (otherwise the first) predicts under the target's
    keys; the others have predictions of their own.

    Raises:
        ConfigError: a task has no target, or the predictions of two tasks have the same key.

    >>> found = task_targets(dict(second=dict(target="semseg"), semseg={}))
    >>> found["semseg"].prediction, found["second"].truth, found["second"].prediction
    ('pred_sem_seg', 'gt_sem_seg', 'pred_second_map')
    """
    targets = {task: _target(task, config) for task, config in configs.items()}
    owners = {target.name: task for task, target in reversed(targets.items())}
    owners |= {task: task for task, target in targets.items() if target.name == task}
    found = {
        task: target if owners[target.name] == task else target.learned_by(task)
        for task, target in targets.items()
    }
    keys = Counter(target.prediction for target in found.values())
    for task, target in found.items():
        if keys[target.prediction] > 1:
            raise ConfigError(
                f"task_heads.{task} learns {target.truth_name!r}, but its prediction would be "
                f"{target.prediction!r}, which is that of another task. Call it something else."
            )
    return found


def _target(task: str, config: Mapping[str, Any]) -> Target:
    given = config.get("target", task)
    if isinstance(given, Mapping):
        parameters = dict(given)
        return declared_target(parameters.pop("name", task), parameters)
    if given in PREDEFINED:
        return PREDEFINED[given]
    made_for = getattr(_class_of(config), "target", None)
    if "target" in config or made_for is None:
        raise ConfigError(
            f"task_heads.{task} learns the target {given!r}, which no data set declares. "
            f"{did_you_mean(str(given), PREDEFINED)} Declare it in the targets of "
            "train_dataloader.dataset, or describe it: target=dict(type=..., ...)."
        )
    return made_for


def _class_of(config: Mapping[str, Any]) -> Any:
    """Return the class that a config names or holds; None if there is none."""
    given = config.get("type")
    return MODELS.get(given) if isinstance(given, str) else given
