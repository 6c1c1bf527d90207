"""The resolved config of a run, read without being executed, and what differs between runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from ..config import leaves


def parse_config(text: str) -> dict[str, Any]:
    """Return the values of a config as MMEngine dumps it; expressions it never writes, as text.

    Raises:
        ValueError: the text is not Python, or nested too deep.

    >>> parse_config("model = dict(type='A', size=(2, -3))\\nother = run()")
    {'model': {'type': 'A', 'size': [2, -3]}, 'other': 'run()'}
    """
    try:
        return {
            target.id: _value(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"it is not Python: {error}") from error


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict" and not node.args:
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return {_name(k): _value(v) for k, v in zip(node.keys, node.values, strict=True)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(element) for element in node.elts]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return ast.unparse(node)


def _name(node: ast.expr | None) -> str:
    """Return a key of a dict; `**other` has none."""
    return "**" if node is None else str(_value(node))


def flat_texts(config: Mapping[str, Any]) -> dict[str, str]:
    """Return every value of a config as text by its dotted key, as `leaves` names them.

    >>> flat_texts(dict(a=dict(b=1, c=[2, 3]), d=[dict(e="x")]))
    {'a.b': '1', 'a.c': '[2, 3]', 'd.0.e': "'x'"}
    """
    return {key: repr(value) for key, value in leaves(config)}


def config_differences(
    configs: Sequence[Mapping[str, Any]],
) -> list[tuple[str, list[str | None]]]:
    """Return the dotted keys whose values are not the same in all configs, with these values.

    A value is None where a config does not have the key. `work_dir`, which always differs, is left
    out.
    """
    flat = [flat_texts(config) for config in configs]
    keys = {key for values in flat for key in values} - {"work_dir"}
    rows = [(key, [values.get(key) for values in flat]) for key in sorted(keys)]
    return [(key, values) for key, values in rows if len(set(values)) > 1]
