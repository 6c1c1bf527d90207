"""The format of each type of target, and its arguments in a config."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ConfigError
from ...targets import Target
from ...utils import did_you_mean
from .target_format import FORMATS, TargetFormat

Arguments = dict[str, Any]

FIXED = {"num_classes", "channels"}
"""Arguments that follow from the target alone."""


def _labels(target: Target) -> tuple[str, Arguments]:
    return "LabelFormat", dict(num_classes=target.num_classes)


def _limits(target: Target, low: str, high: str) -> Arguments:
    return dict(zip((low, high), target.range or (), strict=bool(target.range)))


DEFAULTS: dict[str, Callable[[Target], tuple[str, Arguments]]] = dict(
    classes=_labels,
    binary=_labels,
    scalar=lambda target: ("ValueFormat", _limits(target, "low", "high")),
    distance=lambda target: ("DepthFormat", _limits(target, "min_depth", "max_depth")),
    direction=lambda target: ("NormalFormat", {}),
    offset=lambda target: ("ValueFormat", dict(channels=target.channels)),
)
"""Form of a target -> registered name of its default format, and what the target itself gives."""


def build_format(target: Target, arguments: Mapping[str, Any] | None, name: str) -> TargetFormat:
    """Build the format of a target's files.

    Args:
        target: gives the default format and some of its arguments (classes, range).
        arguments: those of the format, with a `type` for another registered one.
        name: of these arguments in the config, for errors.

    Raises:
        ConfigError: the format is unknown, has no such argument, or refuses its value.
    """
    given = dict(arguments or {})
    own_type = given.pop("type", None)
    default_type, from_target = DEFAULTS[target.form](target)
    format_class = FORMATS.module_dict.get(own_type or default_type)
    if format_class is None:
        hint = did_you_mean(str(own_type), FORMATS.module_dict)
        raise ConfigError(f"{name}.type={own_type!r} is no registered format. {hint}")
    known = set(inspect.signature(format_class).parameters)
    for argument in given:
        if argument in from_target:
            raise ConfigError(
                f"{name} has {argument!r}, which follows from the target's type, classes or range. "
                "Leave it out."
            )
        if argument not in known - FIXED:
            hint = did_you_mean(argument, known - FIXED)
            raise ConfigError(f"{name} has no {argument!r}. {hint}")
    defaults = {key: value for key, value in from_target.items() if key in known}
    try:
        return format_class(**{**defaults, **given})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}={given}: {error}") from error


def format_arguments(target: Target) -> set[str]:
    """Return the names of the arguments that the default format of a target takes."""
    format_class = FORMATS.module_dict[DEFAULTS[target.form](target)[0]]
    return set(inspect.signature(format_class).parameters) - FIXED
