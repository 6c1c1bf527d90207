"""In which line of a config file a value stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

Found = tuple[ast.expr, int]
"""An expression, and the line that sets something to it."""


def line_of(module: ast.Module, key: Sequence[str]) -> int | None:
    """Return the line that sets the value of a key, as far as it can be read off the text.

    Nested `dict(...)`, `{...}`, lists, `**other` and names that are assigned once are followed;
    of what is computed it is the line of the computation.

    Args:
        module: the parsed file.
        key: parts of the key, indices of lists as text.

    Returns:
        From 1; None: the first part is not assigned exactly once, at the left margin.

    >>> text = "size = 3\\nmodel = dict(\\n  a=dict(b=size),\\n  c=5)"
    >>> line_of(ast.parse(text), ['model', 'a', 'b'])
    3
    """
    known = _assignments(module)
    if key[0] not in known:
        return None
    expression, line = known[key[0]]
    for part in key[1:]:
        found = _child(expression, part, known)
        if found is None:
            break
        expression, line = found
    return line


def _assignments(module: ast.Module) -> dict[str, Found]:
    """Return what is assigned once, and never changed by a statement that is not looked into."""
    found: dict[str, Found] = {}
    repeated: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            repeated |= {node.id} & {*found}
            found[node.id] = (node, node.lineno)
    simple = dict(_simple(module))
    return {name: simple[name] for name in found if name in simple and name not in repeated}


def _simple(module: ast.Module) -> Iterator[tuple[str, Found]]:
    """Yield `name = value` and `a, b = 1, 2` of the left margin."""
    for statement in module.body:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            value = statement.value
            if isinstance(target, ast.Name):
                yield target.id, (value, statement.lineno)
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for name, part in zip(target.elts, value.elts, strict=False):
                    if isinstance(name, ast.Name):
                        yield name.id, (part, statement.lineno)


def _child(expression: ast.expr, part: str, known: dict[str, Found]) -> Found | None:
    """Return what an expression has under a key or index; None: that cannot be read off."""
    if isinstance(expression, ast.Name):
        known_as = known.get(expression.id)
        return None if known_as is None else _child(known_as[0], part, known)
    if isinstance(expression, ast.Call) and getattr(expression.func, "id", "") == "dict":
        named = [(word.arg, word.value, word.value.lineno) for word in expression.keywords]
        named = [(None, value, value.lineno) for value in expression.args] + named
    elif isinstance(expression, ast.Dict):
        keys = (getattr(key, "value", None) for key in expression.keys)
        named = [(k, v, v.lineno) for k, v in zip(keys, expression.values, strict=True)]
    elif isinstance(expression, (ast.List, ast.Tuple)):
        elements = expression.elts
        plain = not any(isinstance(element, ast.Starred) for element in elements)
        if not (plain and part.isdigit() and int(part) < len(elements)):
            return None
        return elements[int(part)], elements[int(part)].lineno
    else:
        return None
    # Later ones replace earlier ones; without a name they are `**other`, or what dict() copies.
    for name, value, line in reversed(named):
        if name == part:
            return value, line
        if name is None and (found := _child(value, part, known)):
            return found
    return None
