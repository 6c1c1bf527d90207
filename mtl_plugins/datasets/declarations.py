"""Declarations of targets in the config of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..errors import ConfigError
from ..targets import PREDEFINED, Target, declared_target
from ..utils import did_you_mean
from .formats import format_arguments

LIMITS = ("min_depth", "max_depth")
"""Arguments of `DepthFormat` that a target's range replaces."""

PARAMETERS = {each.name for each in fields(Target)} - {"name", "truth_of"}


@dataclass(frozen=True)
class Declaration:
    """Hold what a config says about one target of a data set.

    Args:
        target: the target; `semseg` and `depth` get classes and unit from `metainfo` later.
        parameters: arguments of `Target` that are given.
        arguments: of its format.
        written_as: name of these arguments in the config, for errors.
        folder: of its files; None: not given here.
        suffixes: endings of its file names.
        resize: its files may have another resolution than the images.
        section: argument of the data set that has it, for errors.
    """

    target: Target
    parameters: Mapping[str, Any]
    arguments: Mapping[str, Any]
    written_as: str
    folder: str | None = None
    suffixes: tuple[str, ...] = (".png",)
    resize: bool = False
    section: str = "targets"


Own = tuple[str | Sequence[str], Mapping[str, Any], str]
"""What mmseg's arguments say about a target: `suffix`, `arguments`, `written_as`."""


def declarations(
    given: Mapping[str, Mapping[str, Any]], own: Mapping[str, Own]
) -> dict[str, Declaration]:
    """Return the declaration of every predefined target and every target of a config.

    Args:
        given: the config's `targets`.
        own: the same of predefined targets, from arguments of their own.

    Raises:
        ConfigError: a value is unknown, given twice, or of another form.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"targets={given!r}; expected dict(<name>=dict(type=..., folder=..., ...), ...)."
        )
    found = {}
    for name in {**PREDEFINED, **given}:
        values = given.get(name, {})
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"targets.{name}={values!r}; expected dict(type=..., folder=..., ...)."
            )
        found[name] = _declaration(name, values, own.get(name, (".png", {}, "")))
    return found


def _declaration(name: str, given: Mapping[str, Any], own: Own) -> Declaration:
    parameters = {k: v for k, v in given.items() if k in PARAMETERS}
    target = declared_target(name, parameters)
    of_format = format_arguments(target)
    known = {"folder", "suffix", "format", "resize", *PARAMETERS, *of_format}
    for key in given:
        if key not in known:
            raise ConfigError(f"targets.{name} has no {key!r}. {did_you_mean(key, known)}")
    if target.type == "classes" and name not in PREDEFINED and not target.classes:
        raise ConfigError(
            f"targets.{name} is of the type 'classes' but has no classes; give their names."
        )
    chosen = dict(given.get("format") or {})
    flat = {k: v for k, v in given.items() if k in of_format}
    if chosen and flat:
        raise ConfigError(
            f"targets.{name} has a format and {sorted(flat)} beside it; write all of them into "
            "format=dict(...)."
        )
    suffix, arguments, written_as = own
    if chosen or flat or not written_as:
        written_as = f"targets.{name}"
    if "type" in chosen:
        # Another format has other arguments.
        arguments = {}
    if target.range is not None:
        # It replaces the limits that a known data set has for its sensor.
        arguments = {k: v for k, v in arguments.items() if k not in LIMITS}
    return Declaration(
        target,
        parameters,
        {**arguments, **chosen, **flat},
        written_as,
        given.get("folder"),
        checked_suffixes(
            f"targets.{name}.suffix" if "suffix" in given else f"the suffix of {name}",
            given.get("suffix", suffix),
        ),
        _flag(f"targets.{name}.resize", given.get("resize", False)),
    )


def _flag(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise ConfigError(f"{name}={given!r}; expected True or False.")
    return given


def checked_suffixes(name: str, given: Any) -> tuple[str, ...]:
    """Return the endings of file names that a config gives, one or several.

    Raises:
        ConfigError: they are no texts, or one has no dot.

    >>> checked_suffixes("img_suffix", ".png"), checked_suffixes("img_suffix", [".jpg", ".png"])
    (('.png',), ('.jpg', '.png'))
    """
    suffixes = (given,) if isinstance(given, str) else given
    if (
        not isinstance(suffixes, (list, tuple))
        or not suffixes
        or not all(isinstance(each, str) and (not each or "." in each) for each in suffixes)
    ):
        raise ConfigError(
            f"{name}={given!r}; expected the ending of the file names with its dot, such as "
            "'.png' or '_left.png', or a list of endings."
        )
    return tuple(suffixes)
