"""Compare the values of a config with the signatures of what takes them: numbers and tuples."""

from __future__ import annotations

import inspect
import os
from collections import abc
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from torch import Tensor

from ..errors import ConfigError

NAMES = {int: "a whole number", float: "a number", bool: "True or False", NoneType: "None"}
"""Kinds of values that are checked, and their names in errors."""

LISTS = {list, abc.Sequence, abc.Iterable, abc.Collection, set}
"""Kinds of annotations that a list fits."""


TEXTS = {str, Path, os.PathLike, NoneType}
"""Kinds of annotations of texts and paths."""


def check_kinds(key: str, node: Mapping[str, Any], taker: Callable) -> None:
    """Raise a `ConfigError` for an argument that is text where a number is needed, or the reverse.

    Only arguments are judged whose annotation, or else default, allows numbers and None alone, or
    texts and None. A number of another kind passes, because annotations say `int` where 0.5 works.

    Args:
        key: dotted key of the arguments in the config.
        node: the arguments.
        taker: the class or function that takes them.
    """
    hints = _hints(taker)
    for name, value in node.items():
        # No config holds a tensor.
        kinds = _alternatives(hints.get(name, Any)) - {Tensor}
        place = f"{key}.{name}" if key else name
        if kinds == {NoneType}:
            continue
        if kinds <= {*NAMES} and isinstance(value, (str, Mapping)):
            words = " or ".join(NAMES[kind] for kind in NAMES if kind in kinds)
            raise ConfigError(f"{place}={value!r}; expected {words}.")
        if kinds <= TEXTS and isinstance(value, (int, float, list, Mapping)):
            raise ConfigError(
                f"{place}={value!r}; expected text, which an option has in quotes: "
                f"{place}=\"'...'\"."
            )


def with_tuples(node: Mapping[str, Any], taker: Callable) -> dict[str, Any]:
    """Return the arguments that are lists, as in JSON, but must be tuples, as tuples.

    >>> from mmseg.datasets.transforms import RandomCrop
    >>> with_tuples(dict(crop_size=[64, 64], cat_max_ratio=0.75), RandomCrop)
    {'crop_size': (64, 64)}
    """
    hints = _hints(taker)
    tuples = {name: _with_tuples(value, hints.get(name, Any)) for name, value in node.items()}
    return {name: value for name, value in tuples.items() if value is not node[name]}


def _with_tuples(value: Any, hint: Any) -> Any:
    if not isinstance(value, list):
        return value
    kinds = {get_origin(each) or each: get_args(each) for each in _alternatives(hint)}
    inner = next((args[0] for kind, args in kinds.items() if kind in LISTS and args), Any)
    if tuple in kinds and not {*kinds} & {*LISTS, Any}:
        return tuple(value)
    parts = [_with_tuples(each, inner) for each in value]
    changed = any(new is not old for new, old in zip(parts, value, strict=True))
    return parts if changed else value


@cache
def _hints(taker: Callable) -> dict[str, Any]:
    """Return the annotation of each argument of a class or function, or else its default's type."""
    found: dict[str, Any] = {}
    for function in _functions(taker):
        try:
            hints = get_type_hints(function)
        except Exception:  # names that only a type checker knows
            hints = {}
        for name, parameter in inspect.signature(function).parameters.items():
            default = type(parameter.default)
            is_clear = default in (int, float, bool, tuple)
            hint = hints.get(name, default if is_clear else Any)
            # An annotation that its own default contradicts says nothing.
            if default is str and str not in _alternatives(hint):
                hint = Any
            found.setdefault(name, hint)
    return found


def _functions(taker: Callable) -> list[Callable]:
    """List the functions that take the arguments of a class or function, derived classes first."""
    if not inspect.isclass(taker):
        return [taker]
    own = (vars(base).get("__init__") for base in inspect.getmro(taker))
    return [function for function in own if inspect.isfunction(function)]


def _alternatives(hint: Any) -> set[Any]:
    """Return the kinds of which an annotation allows any one."""
    if get_origin(hint) in (Union, UnionType):
        return {kind for part in get_args(hint) for kind in _alternatives(part)}
    return {hint}
