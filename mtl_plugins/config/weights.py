"""Weights of classes in the losses of a config: read from files and checked, before building."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from ..errors import ConfigError
from ..models.losses import class_weights
from ..targets import Target
from ..utils import parse_json, read_text

KINDS = dict(class_weight="classes", positive_weight="binary")
"""Argument of a loss -> type of the targets for which it has a meaning."""


def complete_weights(task: str, key: str, losses: Any, target: Target, classes: int | None) -> None:
    """Replace files in the losses of a task by their numbers, in place, and check all weights.

    Args:
        task: name of the task.
        key: dotted key of the losses in the config.
        losses: config of a loss, or a list of them.
        target: what the task learns.
        classes: number of classes that its head predicts; None if it is unknown.

    Raises:
        ConfigError: the target has no classes (or is no mask, for a `positive_weight`); a file is
            missing, damaged or of other classes; weights are negative, not finite, or more or fewer
            than the classes.
    """
    for loss_key, loss in _losses(losses, key):
        for argument, kind in KINDS.items():
            given = loss.get(argument)
            if given is None:
                continue
            place = f"{loss_key}.{argument}"
            if target.type != kind:
                raise ConfigError(
                    f"{place}: the target {target.truth_name!r} of {task} is of the type "
                    f"{target.type!r}, and {argument} has a meaning for {kind!r} alone. "
                    + _instead(target)
                )
            if isinstance(given, str):
                given = loss[argument] = _of_target(place, given, target)
            elif isinstance(given, Mapping) and argument == "class_weight":
                given = loss[argument] = _of_classes(place, given, target, "Give one for each.")
            if argument == "class_weight":
                class_weights(given, place, classes)
            elif not (isinstance(given, (int, float)) and 0 < given < inf):
                raise ConfigError(f"{place}={given!r}; expected a finite number above 0.")


def _losses(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield the config of every loss with its dotted key."""
    if isinstance(node, Mapping):
        yield key, node
    elif isinstance(node, (list, tuple)):
        for index, each in enumerate(node):
            yield from _losses(each, f"{key}.{index}")


def _instead(target: Target) -> str:
    """Return the sentence that says what to write for a target of another type."""
    for argument, kind in KINDS.items():
        if target.type == kind:
            return f"Write {argument} instead, if the loss has it."
    return "Leave it out; the weight of the whole loss is loss_weight."


def _of_target(place: str, path: str, target: Target) -> Any:
    """Return the weights of a target in a file: in the order of its classes, or one of a mask."""
    again = f"python tools/check_data.py CONFIG --weights {path}"
    if not os.path.isfile(path):
        raise ConfigError(f"{place}: there is no file {path!r}. Write it: {again}")
    try:
        content = parse_json(read_text(path))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{place}: {path} cannot be read: {error}. It is no JSON file of weights; write one: "
            f"{again}"
        ) from error
    name = target.truth_name
    if not isinstance(content, Mapping) or name not in content:
        held = [*content] if isinstance(content, Mapping) else type(content).__name__
        raise ConfigError(
            f"{place}: {path} has no weights of {name!r}, but {held}. Write it for this data: "
            f"{again}"
        )
    found = content[name]
    if target.type == "binary":
        return found
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"{place}: {path} has {found!r} for {name!r}; expected the weight of each class by its "
            f"name. Write it anew: {again}"
        )
    return _of_classes(f"{place}: {path}", found, target, f"Write it for this data: {again}")


def _of_classes(place: str, weights: Mapping[str, Any], target: Target, remedy: str) -> list[Any]:
    """Return weights by the names of classes in the order of the target's classes."""
    names = target.classes or (*weights,)
    missing = [each for each in names if each not in weights]
    unknown = [each for each in weights if each not in names]
    if missing or unknown:
        lists = dict(lacks=missing, names=unknown)
        differs = " and ".join(f"{verb} {each}" for verb, each in lists.items() if each)
        raise ConfigError(
            f"{place}: the weights of {target.truth_name!r} are of other classes than the data "
            f"has: it {differs}. {remedy}"
        )
    return [weights[each] for each in names]
