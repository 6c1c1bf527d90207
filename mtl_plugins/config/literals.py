"""Python text of nothing but names and values, read without executing it."""

from __future__ import annotations

import ast
from typing import Any

FLOATS = {"inf": float("inf"), "nan": float("nan")}
"""How Python prints numbers that it has no literal for."""


def read_literals(text: str) -> dict[str, Any]:
    """Return the values of lines `name = value`, as mmengine writes configs into checkpoints.

    A value is a number, a string, None, a list, tuple or dict of values, `dict(key=value)`, or
    `dict({key: value})`, as mmengine writes a dict with keys that are no names (a `label_map`).
    Nothing is executed: calls, attributes and expressions are errors.

    Raises:
        ValueError: the text holds anything else, with its line.

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
        # What the parser raises for brackets nested too deep.
        raise ValueError("values are nested too deep") from error


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
