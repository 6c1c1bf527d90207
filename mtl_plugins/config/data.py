"""Configs that are data: read without executing anything, and naming nothing that would be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ..errors import ConfigError
from ..utils import parse_json
from .literals import read_literals

DATA_SUFFIXES = (".json", ".yaml", ".yml")
"""Files that are never executed."""

SCOPES = (None, "mmseg", "mmcv", "mmengine")

RUNS_CODE = ("RFSearchHook",)
"""Registered types that execute text of their config: this one of mmcv evaluates operator names."""

MAX_VALUES, MAX_DEPTH = 100_000, 100
"""What a config may have: YAML's references make few lines into any number of values."""


class _Loader(yaml.SafeLoader):
    """YAML without Python objects, but for the tuples that mmengine writes.

    `1e-3` is a number, as in YAML 1.2; PyYAML by itself takes what lacks a point for text.
    """


_Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple",
    lambda loader, node: tuple(loader.construct_sequence(node, deep=True)),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), "-+0123456789"
)


def is_data(path: str) -> bool:
    """Return whether a config file is read as data for its name alone.

    >>> is_data("theirs.JSON"), is_data("ours.py")
    (True, False)
    """
    return path.lower().endswith(DATA_SUFFIXES)


def read_data_config(path: str) -> dict[str, Any]:
    """Return the values of a config file without executing anything.

    Neither its text is executed (mmengine itself reads YAML with a loader that calls any Python
    function), nor can the config make mmengine import or call what it names: every `type` must be
    a registered name, not an import path. Files and addresses that it names are used all the same.

    Args:
        path: JSON or YAML; a file with another suffix is read as Python text of plain values, as
            mmengine dumps configs.

    Raises:
        ConfigError: the file is damaged, is more than data, or names something outside of the
            registries of mtl_plugins, mmseg, mmcv and mmengine.
    """
    try:
        with open(path, encoding="utf-8") as file:
            values = _parse(file.read(), os.path.splitext(path)[1].lower())
    except (ValueError, RecursionError, OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"The config {path} cannot be read as data: {reason}. Expected values alone, as in the "
            "config that a run leaves in its work dir."
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(f"The config {path} holds {type(values).__name__}, expected keys.")
    _check(path, values)
    return values


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return parse_json(text)
    if suffix in DATA_SUFFIXES:
        return yaml.load(text, _Loader)
    return read_literals(text)


def _check(path: str, values: dict[str, Any]) -> None:
    """Raise where building from the values could run anything but what is registered."""
    if "_base_" in values:
        raise ConfigError(
            f"The config {path} has a _base_; as data it must be whole. Write it by "
            "`python tools/print_config.py CONFIG --json`."
        )
    for count, (key, name, value) in enumerate(_entries(values)):
        if count >= MAX_VALUES or key.count(".") >= MAX_DEPTH:
            raise ConfigError(
                f"The config {path} has more than {MAX_VALUES} values or {MAX_DEPTH} levels."
            )
        if not isinstance(name, (str, int)):
            raise ConfigError(f"The config {path} has the key {name!r}, expected a name.")
        if reason := _refusal(name, value):
            raise ConfigError(
                f"The config {path} is data, but {key}={value!r} {reason}. Where you trust it, "
                "write it as Python."
            )


def _refusal(name: str | int, value: Any) -> str:
    if name in ("type", "constructor") and isinstance(value, str):
        if "." in value:
            return "names an import path, expected a registered name"
        if value in RUNS_CODE:
            return "executes text of its config"
    if name in ("_scope_", "default_scope") and value not in SCOPES:
        return f"is none of {', '.join(map(str, SCOPES[1:]))}"
    if name == "custom_imports" and any(each != "mtl_plugins" for each in imported_modules(value)):
        return "imports more than mtl_plugins"
    return ""


def imported_modules(custom: Any) -> list[Any]:
    """Return what a config's `custom_imports` names, of whatever type a foreign one has.

    >>> imported_modules(dict(imports=["mtl_plugins", "mine"])), imported_modules("mine")
    (['mtl_plugins', 'mine'], ['mine'])
    """
    imports = custom.get("imports") if isinstance(custom, Mapping) else custom
    imports = imports if isinstance(imports, (list, tuple)) else [imports]
    return [each for each in imports if each is not None]


def _entries(values: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield every value with its dotted key and its name; without recursion, as files may have."""
    pending: list[tuple[str, Mapping | Sequence]] = [("", values)]
    while pending:
        key, node = pending.pop()
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        for name, value in items:
            place = f"{key}.{name}" if key else str(name)
            yield place, name, value
            if isinstance(value, (Mapping, list, tuple)):
                pending.append((place, value))
