"""The resolved config of a run, read without being executed, and what differs between runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


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


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every dotted key with its value as text; lists of plain values are one value.

    >>> dict(flatten(dict(a=dict(b=1, c=[2, 3]), d=[dict(e="x")])))
    {'a.b': '1', 'a.c': '[2, 3]', 'd.0.e': "'x'"}
    """
    items: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, Mapping) and value:
        items = iter(value.items())
    elif isinstance(value, list) and any(isinstance(v, (Mapping, list)) for v in value):
        items = enumerate(value)
    if items is None:
        yield key, repr(value)
        return
    for name, inner in items:
        yield from flatten(inner, f"{key}.{name}" if key else str(name))


def config_differences(
    configs: Sequence[Mapping[str, Any]],
) -> list[tuple[str, list[str | None]]]:
    """Return the dotted keys whose values are not the same in all configs, with these values.

    A value is None where a config does not have the key. `work_dir`, which always differs, is left
    out.
    """
    flat = [dict(flatten(config)) for config in configs]
    keys = {key for values in flat for key in values} - {"work_dir"}
    rows = [(key, [values.get(key) for values in flat]) for key in sorted(keys)]
    return [(key, values) for key, values in rows if len(set(values)) > 1]
