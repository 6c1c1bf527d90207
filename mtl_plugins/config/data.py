"""Read configs as data: execute no text, and refuse names that would make mmengine run code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ..errors import ConfigError
from ..utils import parse_json, read_text

DATA_SUFFIXES = (".json", ".yaml", ".yml")
"""Suffixes of config files that are never executed."""

SCOPES = (None, "mmseg", "mmcv", "mmengine")

RUNS_CODE = ("RFSearchHook",)
"""Registered types that execute text of their config: mmcv's hook evaluates operator names."""

MAX_VALUES, MAX_DEPTH = 100_000, 100
"""Limits of a config, because YAML's references turn a few lines into any number of values."""

FLOATS = {"inf": float("inf"), "nan": float("nan")}
"""Names that Python prints for numbers without a literal."""


class _Loader(yaml.SafeLoader):
    """Load YAML without Python objects, except the tuples that mmengine writes.

    `1e-3` is a number, as in YAML 1.2; plain PyYAML reads numbers without a point as text.
    """


_Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple",
    lambda loader, node: tuple(loader.construct_sequence(node, deep=True)),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), "-+0123456789"
)


def is_data(path: str) -> bool:
    """Return whether a config file is always read as data because of its suffix.

    >>> is_data("theirs.JSON"), is_data("ours.py")
    (True, False)
    """
    return path.lower().endswith(DATA_SUFFIXES)


def read_data_config(path: str) -> dict[str, Any]:
    """Read the values of a config file without executing anything.

    The text is not executed, although mmengine's YAML loader calls any Python function. Nor can the
    config make mmengine import or call anything: every `type` must be a registered name, not an
    import path. Files and addresses that the config names are used as always.

    Args:
        path: JSON or YAML; a file with another suffix is read as Python text of plain values, as
            mmengine dumps configs.

    Raises:
        ConfigError: the file is damaged, contains more than data, or names something outside the
            registries of mtl_plugins, mmseg, mmcv and mmengine.
    """
    try:
        text = read_text(path)
        if path.lower().endswith(".json"):
            values = parse_json(text)
        else:
            values = yaml.load(text, _Loader) if is_data(path) else read_literals(text)
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


def _check(path: str, values: dict[str, Any]) -> None:
    """Raise a `ConfigError` if building from the values could run unregistered code."""
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
        if reason := _forbidden(name, value):
            raise ConfigError(
                f"The config {path} is data, but {key}={value!r} {reason}. Where you trust it, "
                "write it as Python."
            )


def _forbidden(name: str | int, value: Any) -> str:
    """Return why a value is forbidden in a config that is data; empty if it is allowed."""
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
    """Return the modules that `custom_imports` names; a foreign config may give it any type.

    >>> imported_modules(dict(imports=["mtl_plugins", "mine"])), imported_modules("mine")
    (['mtl_plugins', 'mine'], ['mine'])
    """
    imports = custom.get("imports") if isinstance(custom, Mapping) else custom
    imports = imports if isinstance(imports, (list, tuple)) else [imports]
    return [each for each in imports if each is not None]


def _entries(values: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield every value with its dotted key and its last part; not recursive, for any depth."""
    pending: list[tuple[str, Mapping | Sequence]] = [("", values)]
    while pending:
        key, node = pending.pop()
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        for name, value in items:
            place = f"{key}.{name}" if key else str(name)
            yield place, name, value
            if isinstance(value, (Mapping, list, tuple)):
                pending.append((place, value))


def read_literals(text: str) -> dict[str, Any]:
    """Parse lines `name = value`, the form in which mmengine writes configs into checkpoints.

    A value is a number, a string, None, a list, tuple or dict of values, `dict(key=value)`, or
    `dict({key: value})`, which mmengine writes for keys that are no names (of a `label_map`).
    Nothing is executed: calls, attributes and expressions are errors.

    Raises:
        ValueError: the text contains anything else; the message names its line.

    >>> read_literals("model = dict(type='Net', scale=-0.5)")
    {'model': {'type': 'Net', 'scale': -0.5}}
    >>> read_literals("label_map = dict({0: 255, (7, 7, 7): 0})")
    {'label_map': {0: 255, (7, 7, 7): 0}}
    >>> read_literals("x = open('file', 'w')")
    Traceback (most recent call last):
    ValueError: line 1: "open('file', 'w')" is no plain value
    """
    try:
        tree = ast.parse(text)
        return dict(_assignment(statement) for statement in tree.body)
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        # The parser raises these for brackets that are nested too deep.
        raise ValueError("values are nested too deep") from error


def read_literal(text: str) -> Any:
    """Parse one value as `read_literals` does.

    Raises:
        ValueError: the text contains anything else.

    >>> read_literal("dict(type='Net', sizes=[(2, 3)])")
    {'type': 'Net', 'sizes': [(2, 3)]}
    """
    return read_literals(f"value = {text.strip()}")["value"]


def _assignment(statement: ast.stmt) -> tuple[str, Any]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, _value(value)
    raise _refusal(statement)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in FLOATS:
            return FLOATS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _value(operand)
            if isinstance(number, (int, float)):
                return -number
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            return {_key(key): _value(item) for key, item in pairs if key is not None}
        case ast.Call(func=ast.Name(id="dict"), args=[ast.Dict() as inner], keywords=[]):
            return _value(inner)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=items):
            if all(item.arg is not None for item in items):
                return {item.arg: _value(item.value) for item in items}
    raise _refusal(node)


def _key(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items):
            return tuple(_key(item) for item in items)
    raise _refusal(node)


def _refusal(node: ast.stmt | ast.expr) -> ValueError:
    return ValueError(f"line {node.lineno}: {ast.unparse(node)!r:.40} is no plain value")
