"""Print a config as text or JSON: everything, value by value with its source, or a difference."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import ConfigError
from ..utils import did_you_mean, wide_console
from .final import final_config
from .loading import load_config
from .sources import Source, leaves, sources_of

Values = dict[str, tuple[Any, Source]]
"""The values of a config with their sources, by dotted key."""

ADAPTED = Source("mtl_plugins")
"""Source of a value that `final_config` sets."""

PIPE_WIDTH = 4000
"""Characters of a row in a file or pipe, which has no width, so that a row stays one line."""


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Keep warnings out of the printed values, which programs read."""
    handlers = MMLogger.get_current_instance().handlers
    shown = [handler for handler in handlers if type(handler) is logging.StreamHandler]
    before = [handler.setStream(sys.stderr) for handler in shown]
    try:
        yield
    finally:
        for handler, stream in zip(shown, before, strict=True):
            handler.setStream(stream or sys.stderr)


@_log_on_stderr()
def print_config(
    path: str,
    options: Sequence[str] = (),
    key: str = "",
    source: bool = False,
    as_json: bool = False,
    other: str | None = None,
    safe: bool = False,
) -> None:
    """Print the `final_config` that a run on this machine uses.

    Args:
        path: the config file.
        options: `dotted.key=value`, laid over it.
        key: dotted key of the part that is printed; "": everything.
        source: print every value in its own row, with the file and line that set it.
        as_json: print JSON: the values, or with `source` `{key: {value, file, line}}`.
        other: another config file; only the differences are printed, in JSON as
            `{key: {this, other}}`. `options` are not laid over it.
        safe: read Python as data, see `load_config`.

    Raises:
        ConfigError: as `final_config`, or the config has no such key.
    """
    config = final_config(path, options, safe)
    part = section(config, key)
    if other is not None:
        pair = [config_values(each, own, key, safe) for each, own in ((path, options), (other, ()))]
        _print_difference((path, other), pair, source, as_json)
    elif source:
        values = config_values(path, options, key, safe)
        if as_json:
            _print_json({name: _explained(*found) for name, found in values.items()})
        else:
            rows = [(name, repr(value), str(where)) for name, (value, where) in values.items()]
            _print_table(("key", "value", "set in"), rows)
    elif as_json:
        _print_json(part)
    else:
        text = Config(part).pretty_text if isinstance(part, Mapping) else repr(part)
        Console(soft_wrap=True).print(text.rstrip(), markup=False)


def section(config: Config, key: str) -> Any:
    """Return a part of a config as plain Python by its dotted key.

    Raises:
        ConfigError: there is no such part; the message lists the nearest names.
    """
    node, place = config.to_dict(), "the config"
    for part in key.split(".") if key else ():
        if isinstance(node, Mapping):
            if part not in node:
                raise ConfigError(f"{place} has no {part}. {did_you_mean(part, node)}".rstrip())
            node = node[part]
        elif isinstance(node, (list, tuple)) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            raise ConfigError(f"{place} is {node!r}, which has no {part}.")
        place = part if place == "the config" else f"{place}.{part}"
    return node


def config_values(
    path: str, options: Sequence[str] = (), key: str = "", safe: bool = False
) -> Values:
    """Return every value of a final config, or of the part below a key, with its source."""
    loaded = load_config(path, options, safe)
    before, sources = dict(leaves(loaded.to_dict())), sources_of(loaded, options)
    return {
        name: (value, sources[name] if name in before and before[name] == value else ADAPTED)
        for name, value in leaves(final_config(loaded, training=False).to_dict())
        if not key or f"{name}.".startswith(f"{key}.")
    }


def _print_difference(
    paths: Sequence[str], pair: Sequence[Values], source: bool, as_json: bool
) -> None:
    """Print the values that differ or that one of two configs lacks."""
    differing = [
        name
        for name in {**pair[0], **pair[1]}
        if [found[name][0] for found in pair[:1] if name in found]
        != [found[name][0] for found in pair[1:] if name in found]
    ]
    if as_json:
        shown = _explained if source else lambda value, where: value
        sides = [("this", pair[0]), ("other", pair[1])]
        _print_json(
            {n: {s: shown(*found[n]) for s, found in sides if n in found} for n in differing}
        )
    elif not differing:
        print(f"{paths[0]} and {paths[1]} are the same.")
    else:
        heads = [head for path in paths for head in ([path, "set in"] if source else [path])]
        rows = []
        for name in differing:
            cells = []
            for found in pair:
                value, where = found.get(name, (None, None))
                both = [repr(value), str(where)] if where else ["-", "-"]
                cells += both if source else both[:1]
            rows.append((name, *cells))
        _print_table(("key", *heads), rows)


def _explained(value: Any, where: Source) -> dict[str, Any]:
    return dict(value=value, file=where.file, line=where.line)


def _print_table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        # As Text, because the brackets of lists are no markup.
        table.add_row(*map(Text, row))
    wide_console(PIPE_WIDTH).print(table)


def _print_json(content: Any) -> None:
    # As text what JSON has no type for, such as a class.
    print(json.dumps(content, indent=1, default=str))
