"""Declarations of targets in the config of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import ConfigError
from ..targets import PREDEFINED, Target, declared_target
from ..utils import did_you_mean
from .formats import format_arguments

PARAMETERS = {each.name for each in fields(Target)} - {"name", "truth_of"}


@dataclass(frozen=True)
class Declaration:
    """Hold what a config says about one target of a data set.

    Args:
        parameters: arguments of `Target`.
        format: arguments of its format, and the name of these arguments in errors.
        folder: of its files; None: there are none, or it is not given here.
        has_folder: whether the folder is given here.
        suffix: ending of its file names.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    format: tuple[Mapping[str, Any], str] = field(default_factory=lambda: ({}, ""))
    folder: str | None = None
    has_folder: bool = False
    suffix: str = ".png"


def declarations(
    given: Mapping[str, Mapping[str, Any]], own: Mapping[str, Mapping[str, Any]]
) -> dict[str, Declaration]:
    """Return the declaration of every predefined target and every target of a config.

    Args:
        given: the config's `targets`.
        own: values of the predefined targets from arguments of their own, in the same form;
            `format_name` is the name of `format` in errors.

    Raises:
        ConfigError: a value is unknown, given twice, or of another form.
    """
    found = {}
    for name in {**PREDEFINED, **given}:
        values = given.get(name, {})
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"targets.{name}={values!r}; expected dict(type=..., folder=..., ...)."
            )
        others = {k: v for k, v in own.get(name, {}).items() if v is not None}
        found[name] = _declaration(name, values, others)
    return found


def _declaration(name: str, given: Mapping[str, Any], own: dict[str, Any]) -> Declaration:
    parameters = {k: v for k, v in given.items() if k in PARAMETERS}
    target = declared_target(name, parameters)
    arguments = format_arguments(target)
    known = {"folder", "suffix", "format", *PARAMETERS, *arguments}
    for key in given:
        if key not in known:
            raise ConfigError(f"targets.{name} has no {key!r}. {did_you_mean(key, known)}")
    if target.type == "classes" and name not in PREDEFINED and not target.classes:
        raise ConfigError(
            f"targets.{name} is of the type 'classes' but has no classes; give their names."
        )
    chosen = dict(given.get("format") or {})
    flat = {k: v for k, v in given.items() if k in arguments and k not in PARAMETERS}
    if chosen and flat:
        raise ConfigError(
            f"targets.{name} has a format and {sorted(flat)} beside it; write all of them into "
            "format=dict(...)."
        )
    # `label_map` of the data set itself is that of its classes. Another format has other arguments.
    inherited = {k: v for k, v in own.items() if k in arguments} | own.get("format", {})
    if "type" in chosen:
        inherited = {}
    stated = chosen or flat
    format_name = f"targets.{name}" if stated else own.get("format_name", f"targets.{name}")
    return Declaration(
        parameters,
        ({**inherited, **stated}, format_name),
        given.get("folder"),
        "folder" in given,
        given.get("suffix") or own.get("suffix", ".png"),
    )
