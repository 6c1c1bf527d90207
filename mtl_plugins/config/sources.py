"""Where each value of a config comes from: a base file, the config itself or the command line."""

from __future__ import annotations

import ast
import copy
import os
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.config.utils import RemoveAssignFromAST

from ..errors import ConfigError
from .data import is_data, read_data_config
from .lines import line_of
from .options import parse_options

BASE, DELETE = "_base_", "_delete_"
COMMAND_LINE = "--cfg-options"

Tree = dict[str, Any]
"""A config's keys (and the indices of lists, as text) with a `Source` for each value."""


@dataclass(frozen=True)
class Source:
    """Where a value was set.

    Args:
        file: path of a config file, or `--cfg-options`.
        line: number of the line in it, from 1; None: not known.
    """

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


def config_sources(path: str, options: Sequence[str] = (), safe: bool = False) -> dict[str, Source]:
    """Return the source of every value of a config by its dotted key, as `leaves` names them.

    Of several files that set a value it is the last one in mmengine's order: bases before what
    is based on them. A value that is taken from a base by `{{_base_.name}}`, or computed, comes
    from the file with that expression.

    Args:
        path: a config file, as for `load_config`. It and its bases are executed once more, unless
            they are data, whose lines are not known.
        options, safe: as for `load_config`.

    Raises:
        ConfigError: the config uses mmengine's `read_base`, which has no such order.
    """
    if safe or is_data(path):
        data = Source(os.path.relpath(path))
        tree = _laid_over({}, read_data_config(path), lambda key: data)
    elif Config._is_lazy_import(path):
        raise ConfigError(
            f"{path} inherits by read_base(), of which the sources of values cannot be told. "
            "Use `_base_ = [...]`."
        )
    else:
        _, tree = _read(path)
    nested: dict[str, Any] = {}
    for key, value in parse_options(options).items() if options else ():
        *outer, last = key.split(".")
        node = nested
        for part in outer:
            node = node.setdefault(part, {})
        node[last] = value
    tree = _laid_over(tree, nested, lambda key: Source(COMMAND_LINE))
    return dict(leaves(tree))


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values in nested dicts with their dotted keys.

    Lists are looked into where dicts are in them; empty dicts and all other lists are values.

    >>> list(leaves(dict(model=dict(type='A', rates=(3, 6)), hooks=[dict(type='B')])))
    [('model.type', 'A'), ('model.rates', (3, 6)), ('hooks.0.type', 'B')]
    """
    parts = _parts(node)
    if not parts:
        yield key, node
    for name, value in parts.items():
        yield from leaves(value, f"{key}.{name}" if key else name)


def _parts(node: Any) -> dict[str, Any]:
    """Return what a value consists of by key; nothing where it is one value."""
    if isinstance(node, Mapping):
        return {str(name): value for name, value in node.items()}
    if isinstance(node, (list, tuple)) and _holds_dict(node):
        return {str(index): value for index, value in enumerate(node)}
    return {}


def _holds_dict(node: Any) -> bool:
    if isinstance(node, (list, tuple)):
        return any(_holds_dict(value) for value in node)
    return isinstance(node, Mapping)


def _read(path: str) -> tuple[ConfigDict, Tree]:
    """Return a file's values with those of its bases, and the sources of them."""
    values, tree = ConfigDict(), Tree()
    with tempfile.TemporaryDirectory() as folder:
        prepared = os.path.join(folder, os.path.basename(path))
        Config._substitute_predefined_vars(path, prepared)
        Config._substitute_env_variables(prepared, prepared)
        variables = Config._pre_substitute_base_vars(prepared, prepared)
        for base in Config._get_base_files(prepared):
            base_path, scope = Config._get_cfg_path(base, path)
            base_values, base_tree = _read(base_path)
            values.update(Config._dict_to_config_dict(base_values, scope))
            tree.update(base_tree)
        own, module = _executed(prepared, path, values)
    Config._parse_scope(own)
    own = Config._substitute_base_vars(own, variables, values)
    own.pop(BASE, None)
    shown = os.path.relpath(path)
    tree = _laid_over(
        tree, own, lambda key: Source(shown, None if module is None else line_of(module, key))
    )
    return Config._merge_a_into_b(copy.deepcopy(own), values), tree


def _executed(file: str, path: str, bases: ConfigDict) -> tuple[dict, ast.Module | None]:
    """Return what a prepared copy of the file `path` sets itself, as mmengine executes it."""
    if not path.endswith(".py"):
        return mmengine.load(file), None
    with open(file, encoding="utf-8") as text:
        module = RemoveAssignFromAST(BASE).visit(ast.parse(text.read()))
    names: dict[str, Any] = {BASE: bases}
    exec(compile(module, path, mode="exec"), names)
    hidden = (types.FunctionType, types.ModuleType)
    own = {
        name: value
        for name, value in names.items()
        if name != BASE and not name.startswith("__") and not isinstance(value, hidden)
    }
    return own, module


def _laid_over(
    tree: Tree,
    values: Mapping,
    source_of: Callable[[Sequence[str]], Source],
    key: tuple[str, ...] = (),
) -> Tree:
    """Return the sources after `values` were laid over, by the rules of mmengine's merging."""
    result = dict(tree)
    for name, value in values.items():
        place = (*key, str(name))
        below = result.get(str(name))
        if isinstance(value, Mapping) and below is not None:
            value = dict(value)
            if not value.pop(DELETE, False) and isinstance(below, dict):
                result[str(name)] = _laid_over(below, value, source_of, place)
                continue
        result[str(name)] = _tree(value, source_of, place)
    return result


def _tree(value: Any, source_of: Callable[[Sequence[str]], Source], key: tuple[str, ...]) -> Any:
    parts = _parts(value)
    if not parts:
        return source_of(key)
    return {name: _tree(part, source_of, (*key, name)) for name, part in parts.items()}
