"""Completion of the task heads of a config from the targets that its data declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, METRICS

from ..datasets import ClassBalancedDataset
from ..errors import ConfigError, DataError
from ..models.task_heads import head_config, task_targets
from ..targets import PREDEFINED, Target, targets_in
from ..utils import did_you_mean
from .datasets import SPLITS, dataset_nodes, leaf_nodes, opened, wrapper_nodes
from .loading import copied
from .weights import complete_weights


def complete_tasks(config: Config) -> None:
    """Write target, type, number of classes and weights of each task head into a config, in place.

    What a head needs is written once, in the data set: a task learns the target of its name (or of
    the name in `target`). A head's own `target=dict(...)` is kept, so that a model needs no data.

    Raises:
        ConfigError: a task learns a target that the data do not declare, a head has another number
            of classes than its target, or a loss has weights that do not fit them.
    """
    head = (config.get("model") or {}).get("decode_head")
    if not isinstance(head, Mapping) or "task_heads" not in head:
        return
    _remove_tasks(config)
    heads = config.model.decode_head.task_heads
    declared, problem = declared_targets(config)
    for task, given in heads.items():
        name = given.get("target", task)
        if isinstance(name, str) and name in declared:
            parameters = declared[name].to_dict()
            given["target"] = parameters if name == task else dict(parameters, name=name)
        elif isinstance(name, str) and declared and name not in PREDEFINED:
            raise ConfigError(
                f"model.decode_head.task_heads.{task} learns the target {name!r}, which the data "
                f"do not declare. {did_you_mean(name, declared)} Declare it in the targets of the "
                "data set, or name the task after its target, or set target='...' in the head."
            )
    try:
        targets = task_targets(heads)
    except ConfigError as error:
        # Without data the targets are unknown; their own error says more.
        raise problem or error from error
    for task, target in targets.items():
        _check_classes(task, heads[task], target)
        heads[task].update(head_config(heads[task], target))
        classes = heads[task].get("num_classes", len(target.classes) or None)
        for key, losses in _losses_of(config.model.decode_head, task):
            complete_weights(task, f"model.decode_head.{key}", losses, target, classes)


def _losses_of(head: Mapping[str, Any], task: str) -> Iterator[tuple[str, Any]]:
    """Yield key and losses of a task, and of each stage of supervision that has its own."""
    yield f"task_heads.{task}.loss", head["task_heads"][task].get("loss")
    for stage, settings in (head.get("stages") or {}).items():
        own = settings.get("loss") if isinstance(settings, Mapping) else None
        if isinstance(own, Mapping):
            yield f"stages.{stage}.loss.{task}", own.get(task)


def _remove_tasks(config: Config) -> None:
    """Remove the tasks whose head is None, and what the model and the evaluators say about them.

    Raises:
        ConfigError: no task remains, or a head is no dict.
    """
    heads = config.model.decode_head.task_heads
    for task, head in heads.items() if isinstance(heads, Mapping) else ():
        if not isinstance(head, (Mapping, NoneType)):
            raise ConfigError(
                f"model.decode_head.task_heads.{task}={head!r}; expected a dict, such as dict(), "
                "or None for a network without this task."
            )
    if not heads or all(head is None for head in heads.values()):
        raise ConfigError(
            f"model.decode_head.task_heads={heads!r}: a network needs at least one task, for "
            "example task_heads=dict(semseg=dict())."
        )
    removed = {task for task, head in heads.items() if head is None}
    for section in ("model", "val_evaluator", "test_evaluator") if removed else ():
        if config.get(section):
            config[section] = _without(config[section], removed, {*heads})


def _without(node: Any, removed: set[str], tasks: set[str]) -> Any:
    """Return a part of a config without the entries of removed tasks in dicts and lists by task.

    >>> _without(dict(weights=dict(a=1, b=2), tasks=["a"], a=3), {"b"}, {"a", "b"})
    {'weights': {'a': 1}, 'tasks': ['a'], 'a': 3}
    """
    if isinstance(node, Mapping):
        by_task = {*node} <= tasks
        kept = {key: each for key, each in node.items() if not (by_task and key in removed)}
        return {key: _without(each, removed, tasks) for key, each in kept.items()}
    if isinstance(node, (list, tuple)):
        by_task = all(isinstance(each, str) and each in tasks for each in node)
        kept_entries = [each for each in node if not (by_task and each in removed)]
        return type(node)(_without(each, removed, tasks) for each in kept_entries)
    return node


def check_given(config: Config, split: str) -> None:
    """Raise a `ConfigError` if the data of a split lack a target that they are there for.

    Those of the training must give the target of each task, those of an evaluation of at least one,
    unless none of its metrics is of this package: saving predictions needs no truth.
    """
    if split != "train" and not any(_compares(metric) for metric in _metrics(config, split)):
        return
    given = given_targets(config, split)
    tasks = model_targets(config)
    missing = [task for task, target in tasks.items() if target.truth_name not in (given or ())]
    if given is None or not missing or (split != "train" and len(missing) < len(tasks)):
        return
    raise ConfigError(
        f"No data set of {split}_dataloader has the truth of {', '.join(missing)}: give it their "
        "folders (data_prefix, or targets), "
        + (
            f"or remove what nothing teaches: model.decode_head.task_heads.{missing[0]}=None."
            if split == "train"
            else f"or set {split}_dataloader, {split}_cfg and {split}_evaluator to None."
        )
    )


def check_balanced(config: Config, split: str) -> None:
    """Raise a `ConfigError` if the classes that a split's data are balanced by cannot be counted.

    Nor can an evaluation repeat images: its metrics would be others.
    """
    loader = config.get(f"{split}_dataloader")
    for node in wrapper_nodes(loader["dataset"]) if loader else ():
        if DATASETS.get(node["type"]) is not ClassBalancedDataset:
            continue
        if split != "train":
            raise ConfigError(
                f"{split}_dataloader has a ClassBalancedDataset, so that some images would count "
                "several times. Use the data set inside of it."
            )
        targets, problem = _split_targets(config, split)
        if problem is None and targets:
            target = node.get("target", ClassBalancedDataset.usual_target)
            ClassBalancedDataset.check_target(target, targets)


def _metrics(config: Config, split: str) -> list[Any]:
    evaluator = config.get(f"{split}_evaluator") or []
    return [evaluator] if isinstance(evaluator, Mapping) else [*evaluator]


def _compares(metric: Any) -> bool:
    kind = METRICS.get(metric["type"]) if isinstance(metric, Mapping) else None
    return hasattr(kind, "measures_for")


def given_targets(config: Config, split: str) -> set[str] | None:
    """Return the names of the targets that the data of a split hold; None if that is unknown."""
    loader = config.get(f"{split}_dataloader")
    if not loader or not all(_is_known(node) for node in leaf_nodes(loader["dataset"])):
        return None
    targets, problem = _split_targets(config, split)
    return None if problem else {*targets}


def _is_known(node: Mapping[str, Any]) -> bool:
    return any(True for _ in dataset_nodes(dict(node)))


def declared_targets(config: Config) -> tuple[dict[str, Target], DataError | None]:
    """Return the targets that the data of a config declare, by name, without reading samples.

    The data are those of the first split that a config has. Data that cannot be opened declare
    nothing; their error is returned as well.

    Raises:
        ConfigError: two data sets of a split declare a target differently, or two splits its type
            or classes: the network would be measured with the wrong names.
    """
    init_default_scope(config.get("default_scope", "mmseg"))
    found: dict[str, Target] = {}
    problem: DataError | None = None
    for split in SPLITS:
        targets, error = _split_targets(config, split)
        for name in found.keys() & targets.keys():
            first, other = found[name], targets[name]
            if (first.type, first.classes) != (other.type, other.classes):
                raise ConfigError(
                    f"{split}_dataloader declares {name!r} as {other.type} {other.classes}, an "
                    f"earlier split as {first.type} {first.classes}. Give all splits the same "
                    "type and classes, or another name to one of them."
                )
        if not found and problem is None:
            found, problem = targets, error
    return found, problem


def _split_targets(config: Config, split: str) -> tuple[dict[str, Target], DataError | None]:
    """Return the targets of the data of a split, and the error of data that cannot be opened."""
    found: dict[str, Target] = {}
    loader = config.get(f"{split}_dataloader")
    for node in dataset_nodes(loader["dataset"]) if loader else ():
        try:
            dataset = opened(node)
        except DataError as error:
            return {}, error
        for name, target in targets_in(dataset.metainfo).items():
            if found.setdefault(name, target) != target:
                raise ConfigError(
                    f"The data sets of {split}_dataloader declare {name!r} differently: "
                    f"{found[name]} and {target}. Give both the same parameters, or different "
                    "names."
                )
    return found, None


def _check_classes(task: str, head: Mapping[str, Any], target: Target) -> None:
    """Raise a `ConfigError` if a head predicts another number of classes than its target has."""
    given = head.get("num_classes")
    if given is not None and target.classes and given != len(target.classes):
        raise ConfigError(
            f"model.decode_head.task_heads.{task}.num_classes={given}, but the training data has "
            f"{len(target.classes)} classes. Set it to {len(target.classes)}, or leave it out."
        )


def model_targets(config: Config) -> dict[str, Target]:
    """Return the target of each task of a config; empty without task heads."""
    head = (config.get("model") or {}).get("decode_head")
    heads = head.get("task_heads", {}) if isinstance(head, Mapping) else {}
    if not all(isinstance(each.get("target"), Mapping) for each in heads.values()):
        config = copied(config)
        complete_tasks(config)
        heads = config.model.decode_head.task_heads
    return task_targets(heads)
