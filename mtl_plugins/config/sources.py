"""Find the file and line that set each value of a config, by reading its files as text."""

from __future__ import annotations

import ast
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mmengine
from mmengine.config import Config

from ..errors import ConfigError
from ..utils import read_text
from .options import flat, parse_options

COMMAND_LINE = "--cfg-options"
UNKNOWN = "?"

Found = tuple[ast.expr, int]
"""An expression, and the line that assigns it."""


@dataclass(frozen=True)
class Source:
    """Place that sets a value.

    Args:
        file: path of a config file, or `--cfg-options`.
        line: number of the line in it, from 1; None: not known.
    """

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


def sources_of(config: Config, options: Sequence[str] = ()) -> dict[str, Source]:
    """Return the source of every value of a config by its dotted key, as `leaves` names them.

    If several files set a value, its source is the one that is based on the others. A value that is
    taken from a base by `{{_base_.name}}`, or computed, comes from the file and line of that
    expression.

    Args:
        config: a config as from `read_config`. The text of its file and of the bases is read; lines
            are known for Python files outside of packages (`mmseg::...`).
        options: the `dotted.key=value` that were laid over it.

    Raises:
        ConfigError: the config uses mmengine's `read_base`, which is not followed.
    """
    given = [option for option, _ in flat(parse_options(options))]
    files = [*_files(config.filename or UNKNOWN)]
    return {
        key: Source(COMMAND_LINE)
        if any(f"{key}.".startswith(f"{option}.") for option in given)
        else _source(files, key.split("."))
        for key, _ in leaves(config.to_dict())
    }


class Origins:
    """Answer which places set a value of a config: the command line, then its files.

    Raises:
        ConfigError: as `sources_of`.
    """

    def __init__(self, config: Config, options: Sequence[str] = ()) -> None:
        self.given = dict(flat(parse_options(options)))
        self.files = _files(config.filename or UNKNOWN)
        self.keys = [key for key, _ in leaves(config.to_dict())]

    def places(self, key: str) -> Iterator[tuple[int, Source, Any]]:
        """Yield the rank of every place that sets a value, 0 first, the place and the value.

        The value is None where the text does not show it.
        """
        for option, value in self.given.items():
            if f"{key}.".startswith(f"{option}."):
                yield 0, Source(COMMAND_LINE), value if option == key else None
        for rank, file in enumerate(self.files, 1):
            if (source := file.source(key.split("."))) is not None:
                yield rank, source, file.value(key.split("."))

    def rank(self, key: str) -> int:
        """Return the rank of the first place that sets a value, or a part of it; -1: unknown."""
        parts = [each for each in self.keys if f"{each}.".startswith(f"{key}.")]
        return min((next((p[0] for p in self.places(part)), -1) for part in parts), default=-1)


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values in nested dicts with their dotted keys.

    Lists that contain dicts are traversed too; empty dicts and all other lists are values.

    >>> list(leaves(dict(model=dict(type='A', rates=(3, 6)), hooks=[dict(type='B')])))
    [('model.type', 'A'), ('model.rates', (3, 6)), ('hooks.0.type', 'B')]
    """
    items: list[tuple[Any, Any]] = []
    if isinstance(node, Mapping):
        items = [*node.items()]
    elif _holds_dict(node):
        items = [*enumerate(node)]
    if not items:
        yield key, node
    for name, value in items:
        yield from leaves(value, f"{key}.{name}" if key else str(name))


def _holds_dict(node: Any) -> bool:
    if isinstance(node, (list, tuple)):
        return any(_holds_dict(value) for value in node)
    return isinstance(node, Mapping)


@dataclass
class _File:
    """A config file and its assignments; None where they are unknown."""

    path: str
    assigned: dict[str, Found | None] | None

    def source(self, key: Sequence[str]) -> Source | None:
        """Return the place in this file that sets a value; None if the file does not set it."""
        if self.assigned is None:
            return Source(self.path)
        try:
            line = line_of(self.assigned, key)
        except KeyError:
            return None
        return Source(self.path, line if self.path.endswith(".py") else None)

    def value(self, key: Sequence[str]) -> Any:
        """Return the constant that this file sets; None for anything else."""
        expression = _find(self.assigned, key)[0] if self.assigned else None
        return expression.value if isinstance(expression, ast.Constant) else None


def _source(files: Sequence[_File], key: Sequence[str]) -> Source:
    # The second round is for values of statements such as `model["head"]["size"] = 3`.
    for part in (key, key[:1]):
        for file in files:
            if (found := file.source(part)) is not None:
                return found
    return Source(UNKNOWN)


def _files(path: str) -> list[_File]:
    """List a config file and its bases, each before its own bases and unknown files last."""
    if not os.path.isfile(path):
        return [_File(path, None)]
    if path.endswith(".py"):
        module = ast.parse(_substituted(read_text(path), path))
        if _reads_bases(module):
            raise ConfigError(
                f"{path} inherits by read_base(), whose bases are not searched for values. "
                "Use `_base_ = [...]`."
            )
        assigned = assignments(module)
    else:
        text = io.StringIO(read_text(path))
        values = mmengine.load(text, file_format=os.path.splitext(path)[1][1:].lower())
        assigned = {str(n): (ast.parse(repr(v), mode="eval").body, 1) for n, v in values.items()}
    found = [_File(os.path.relpath(path), assigned)]
    for base in _bases(assigned):
        found += _files(base if "::" in base else os.path.join(os.path.dirname(path), base))
    return sorted(found, key=lambda file: file.assigned is None)


def _substituted(text: str, path: str) -> str:
    """Replace `{{...}}` as mmengine does before Python sees it; unknown values become `{{}}`."""
    name = os.path.basename(path)
    stem, suffix = os.path.splitext(name)
    known = dict(
        fileDirname=os.path.dirname(path),
        fileBasename=name,
        fileBasenameNoExtension=stem,
        fileExtname=suffix,
    )

    def value(found: re.Match[str]) -> str:
        if found[1].startswith("$"):
            variable, _, default = found[1][1:].partition(":")
            return os.environ.get(variable, default)
        return known.get(found[1], "{{}}")

    return re.sub(r"\{\{\s*([^{}\n]*?)\s*\}\}", value, text)


def _reads_bases(module: ast.Module) -> bool:
    calls = (node.func for node in ast.walk(module) if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Name) and call.id == "read_base" for call in calls)


def _bases(assigned: dict[str, Found | None]) -> list[str]:
    found = assigned.pop("_base_", None)
    try:
        bases = ast.literal_eval(found[0]) if found else []
    except ValueError:  # computed
        return []
    return [bases] if isinstance(bases, str) else [*bases]


def line_of(assigned: Mapping[str, Found | None], key: Sequence[str]) -> int | None:
    """Return the line that sets the value of a key, as far as the text shows it.

    Nested `dict(...)`, `{...}`, lists, `**other` and names that are assigned once are followed. The
    line of a computed value is that of the computation.

    Args:
        assigned: as from `assignments`.
        key: parts of the key, indices of lists as text.

    Returns:
        The line, from 1; None if the first part is not assigned exactly once, at the left margin.

    Raises:
        KeyError: the text does not set this key.

    >>> text = "size = 3\\nmodel = dict(\\n  a=dict(b=size),\\n  c=5)"
    >>> line_of(assignments(ast.parse(text)), ['model', 'a', 'b'])
    3
    """
    return _find(assigned, key)[1]


def _find(
    assigned: Mapping[str, Found | None], key: Sequence[str]
) -> tuple[ast.expr | None, int | None]:
    """Return the expression of a value, None if it is computed, and its line, see `line_of`."""
    found, line = assigned[key[0]], None
    for part in key[1:]:
        if found is None:
            break
        expression, line = found
        found = _child(expression, part, assigned)
    return found or (None, line)


def assignments(module: ast.Module) -> dict[str, Found | None]:
    """Return what each name is assigned; None if that is not one statement at the left margin."""
    names = (node for node in ast.walk(module) if isinstance(node, ast.Name))
    counts = Counter(name.id for name in names if isinstance(name.ctx, ast.Store))
    simple = dict(_simple(module))
    return {name: simple.get(name) if count == 1 else None for name, count in counts.items()}


def _simple(module: ast.Module) -> Iterator[tuple[str, Found]]:
    """Yield `name = value` and `a, b = 1, 2` at the left margin."""
    for statement in (each for each in module.body if isinstance(each, ast.Assign)):
        for target in statement.targets:
            match target, statement.value:
                case ast.Name(id=name), value:
                    yield name, (value, statement.lineno)
                case ast.Tuple(elts=names), ast.Tuple(elts=values):
                    for each, value in zip(names, values, strict=False):
                        if isinstance(each, ast.Name):
                            yield each.id, (value, statement.lineno)


def _child(expression: ast.expr, part: str, assigned: Mapping[str, Found | None]) -> Found | None:
    """Return the value of an expression's key or index; None if it is computed.

    Raises:
        KeyError: the expression has no such key.
    """
    named: list[tuple[str | None, ast.expr]]
    match expression:
        case ast.Name(id=name):
            known_as = assigned.get(name)
            return None if known_as is None else _child(known_as[0], part, assigned)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            if any(isinstance(each, ast.Starred) for each in elements) or not part.isdigit():
                return None
            if int(part) >= len(elements):
                raise KeyError(part)
            return elements[int(part)], elements[int(part)].lineno
        case ast.Call(func=ast.Name(id="dict"), args=others, keywords=words):
            named = [(None, value) for value in others] + [(w.arg, w.value) for w in words]
        case ast.Dict(keys=keys, values=values):
            names = [str(key.value) if isinstance(key, ast.Constant) else None for key in keys]
            named = [*zip(names, values, strict=True)]
        case _:
            return None
    is_computed = False
    # Later entries replace earlier ones; those without a name are `**other`, or dict()'s argument.
    for key, value in reversed(named):
        if key == part:
            return value, value.lineno
        if key is None:
            try:
                if found := _child(value, part, assigned):
                    return found
                is_computed = True
            except KeyError:
                continue
    if is_computed:
        return None
    raise KeyError(part)
