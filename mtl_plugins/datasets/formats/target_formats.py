"""Which format decodes the files of each kind of target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ...errors import ConfigError
from ...targets import DENSE_TARGETS, DEPTH, NORMALS, SEMSEG
from ...utils import did_you_mean
from .depth_format import DepthFormat
from .normal_format import NormalFormat
from .target_format import TargetFormat
from .value_format import ValueFormat

TARGET_FORMATS: dict[str, type[TargetFormat]] = {
    DEPTH.kind: DepthFormat,
    NORMALS.kind: NormalFormat,
}
"""The formats of kinds that have one of their own; classes are decoded by a data set's classes."""


def register_format(kind: str, format_class: type[TargetFormat]) -> type[TargetFormat]:
    """Say how the files of a registered kind are decoded, where `ValueFormat` does not do it.

    Args:
        kind: of `DENSE_TARGETS`.
        format_class: a frozen dataclass, whose fields are what a config can set and what packed
            data stores (values that JSON has).

    Raises:
        ConfigError: the kind is unknown or has a format, or the class is no such dataclass.
    """
    if TARGET_FORMATS.get(kind) is format_class:
        return format_class
    if kind not in DENSE_TARGETS or kind in TARGET_FORMATS or kind == SEMSEG.kind:
        state = "has a format already" if kind in DENSE_TARGETS else "is not registered"
        raise ConfigError(f"The kind {kind!r} {state}. Call register_target for a kind of yours.")
    if not is_dataclass(format_class) or not issubclass(format_class, TargetFormat):
        raise ConfigError(f"{format_class} is no dataclass that derives from TargetFormat.")
    TARGET_FORMATS[kind] = format_class
    return format_class


def build_format(kind: str, arguments: Mapping[str, Any] | None, name: str) -> TargetFormat:
    """Build the format of a kind from a config's argument called `name`.

    Raises:
        ConfigError: the format has no such argument, or not such a value.
    """
    arguments = dict(arguments or {})
    format_class = TARGET_FORMATS.get(kind, ValueFormat)
    known = {field.name for field in fields(format_class) if field.init} - {"kind"}  # type: ignore[arg-type]  # a dataclass
    for argument in arguments:
        if argument not in known:
            raise ConfigError(f"{name} has no {argument!r}. {did_you_mean(argument, known)}")
    if format_class is ValueFormat:
        arguments["kind"] = kind
    try:
        return format_class(**arguments)
    except TypeError as error:
        raise ConfigError(f"{name}={arguments}: {error}") from error
