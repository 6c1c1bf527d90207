"""Parse and check the options that the command line lays over a config."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import ConfigError
from ..utils import did_you_mean
from .data import read_literal

RUNNER_KEYS = {*inspect.signature(Runner.__init__).parameters} - {"self"}
"""Keys of a config that the runner reads."""

READ_LATER = {
    *("find_unused_parameters", "model_wrapper_cfg", "sync_bn"),
    *("activation_checkpointing", "compile", "efficient_conv_bn_eval"),
}
"""Keys that it reads from the whole config when it wraps or compiles the model."""

WORDS = {"true": True, "false": False}
OPENING, CLOSING, QUOTES = "([{", ")]}", "'\""
KINDS = {"(": tuple, "[": list, "{": dict, "dict(": dict}
"""Beginnings of values that have parts, and their types."""


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """Parse `key=value` strings, whose values `parse_value` reads.

    Raises:
        ConfigError: an option does not have that form.

    >>> parse_options(['train_cfg.max_epochs=3'])
    {'train_cfg.max_epochs': 3}
    """
    for option in options:
        if "=" not in option:
            raise ConfigError(f"--cfg-options: {option!r} is not of the form key=value.")
    pairs = (option.split("=", maxsplit=1) for option in options)
    try:
        return {key: parse_value(text) for key, text in pairs}
    except RecursionError as error:
        raise ConfigError("--cfg-options: a value is nested too deep.") from error


def parse_value(text: str) -> Any:
    """Parse an option's value with mmengine's types, but keep spaces, which mmengine loses.

    Numbers, `True`, `False` and `None` have their usual meaning, `(a, b)` is a tuple, `[a, b]` and
    `a, b` are lists, `{a: b}` and `dict(a=b)` are dicts; anything else is text. What Python or JSON
    reads as a tuple, list or dict is read so; otherwise the quotes of texts may be missing, as a
    shell removes them. In quotes everything is text, commas included.

    Raises:
        ConfigError: a dict has a part without a key.

    >>> parse_value("3"), parse_value("1e-3"), parse_value("true"), parse_value("None")
    (3, 0.001, True, None)
    >>> parse_value("(6, 12)"), parse_value("[a b, [2]]"), parse_value("1,2")
    ((6, 12), ['a b', [2]], [1, 2])
    >>> parse_value("/data/my set (2)"), parse_value("'/data/a, b'")
    ('/data/my set (2)', '/data/a, b')
    >>> parse_value("{'type': 'A', 'sizes': [(2, 3)]}"), parse_value("dict(type=A, size=(2, 3))")
    ({'type': 'A', 'sizes': [(2, 3)]}, {'type': 'A', 'size': (2, 3)})
    """
    text = text.strip()
    if (unquoted := _unquoted(text)) is not None:
        return unquoted
    for opening, kind in KINDS.items():
        if text.startswith(opening) and text[-1] == CLOSING[OPENING.index(opening[-1])]:
            exact = _exact(text)
            return exact if isinstance(exact, kind) else _relaxed(text, opening)
    parts = list(_parts(text))
    return [parse_value(part) for part in parts] if len(parts) > 1 else _scalar(text)


def _exact(text: str) -> Any:
    """Read a value as Python or JSON; None if it is neither."""
    for read in (read_literal, json.loads):
        with suppress(ValueError, TypeError):  # TypeError: a key of a dict is a dict
            return read(text)
    return None


def _relaxed(text: str, opening: str) -> Any:
    """Read a value whose texts may lack their quotes."""
    parts = list(_parts(text[len(opening) : -1]))
    if KINDS[opening] is not dict:
        return KINDS[opening](parse_value(part) for part in parts)
    between = ":" if opening == "{" else "="
    pairs = [part.partition(between) for part in parts]
    with suppress(TypeError):  # a key is a list or dict
        if all(sign for _, sign, _ in pairs):
            return {parse_value(key): parse_value(value) for key, _, value in pairs}
    raise ConfigError(
        f"--cfg-options: {text} is no dict; expected {{'key': value}} or dict(key=value). If it is "
        f"a text, put quotes inside the quotes of the shell: \"'{text}'\"."
    )


def _scalar(text: str) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return None if text == "None" else WORDS.get(text.lower(), text)


def _unquoted(text: str) -> str | None:
    """Return the content of one quoted string; None for anything else."""
    if len(text) < 2 or text[0] not in QUOTES:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def _parts(text: str) -> Iterator[str]:
    """Split at the commas outside brackets and quotes; a trailing comma adds no part."""
    depth, quote, start = 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in QUOTES and text[start:place].strip()[-1:] in ("", ":", "="):
            quote = char  # inside a word it is an apostrophe
        elif char in OPENING:
            depth += 1
        elif char in CLOSING:
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:].strip():
        yield text[start:]


def check_options(options: Mapping[str, Any], config: Config) -> None:
    """Raise a `ConfigError` for an option that nothing would read.

    Arguments of an entry with a `type` are checked later, with those of the config file.
    """
    leaves = dict(flat(options))
    content: Any = config.to_dict()
    for given, value in options.items():
        for option, part in flat({given: value}):
            _check_first(option, option.split(".")[0], config)
            _check_place(option, part == {}, given, leaves, content)
        content = _merged(content, given.split("."), value)


def _check_place(
    option: str, is_new: bool, given: str, leaves: Mapping[str, Any], node: Any
) -> None:
    """Raise a `ConfigError` if the part of the config that an option changes is not there.

    Args:
        option: its key.
        is_new: whether it is an empty dict, as for a task with the default head.
        given: the key of the dict that it comes from, as the user wrote it.
        leaves: all options by key, whose types make new entries.
        node: the config.
    """
    parts = option.split(".")
    for depth, part in enumerate(parts):
        place = ".".join(parts[:depth])
        # A new entry beside entries that each have a type needs a type as well.
        is_typed = f"{'.'.join(parts[: depth + 1])}.type" in leaves
        if isinstance(node, (list, tuple)):
            is_end = part == str(len(node)) and (is_typed or depth + 1 == len(parts))
            if is_end or (place == given and not part.isdigit()):
                return
            if not (part.isdigit() and int(part) < len(node)):
                raise ConfigError(
                    f"--cfg-options {option}: {place} has {_entries(node)}, not {part}. A new "
                    f"one at its end has the number {len(node)} and a type."
                )
            node = node[int(part)]
        elif not isinstance(node, Mapping):
            raise ConfigError(f"--cfg-options {option}: {place} is {node!r}, without parts.")
        elif part in node:
            node = node[part]
        else:
            if _holds_typed(node) and not (is_typed or is_new):
                raise ConfigError(
                    f"--cfg-options {option}: there is no {part} in {place}. "
                    + did_you_mean(part, node)
                )
            return


def _entries(node: Sequence[Any]) -> str:
    return f"the entries 0 to {len(node) - 1}" if node else "no entries"


def flat(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield options whose values are dicts as one option for each value."""
    for option, value in options.items():
        if isinstance(value, Mapping) and value and "_delete_" not in value:
            yield from flat({f"{option}.{key}": part for key, part in value.items()})
        else:
            yield option, value


def laid_over(content: Any, options: Mapping[str, Any]) -> Any:
    """Return the values of a config with options laid over them.

    A dict is merged into a dict, as between config files; `_delete_=True` in it replaces that, too.
    Entries of lists have their index as key, the number of entries appends one, and None removes
    an entry from a list of dicts.

    >>> laid_over(dict(a=dict(b=1, c=[dict(d=2), dict(e=3)])), {'a.b': 4, 'a.c.0': None})
    {'a': {'b': 4, 'c': [{'e': 3}]}}
    >>> laid_over(dict(a=[5, 6]), {'a': {1: 7}})
    {'a': [5, 7]}
    >>> laid_over(dict(a=dict(b=1)), {'a': dict(c=2)}), laid_over(dict(a=[]), {'a.0.type': 'B'})
    ({'a': {'b': 1, 'c': 2}}, {'a': [{'type': 'B'}]})
    """
    for option, value in options.items():
        content = _merged(content, option.split("."), value)
    return _without_removed(content, options)


def _merged(node: Any, parts: Sequence[str], value: Any) -> Any:
    if not parts:
        if not isinstance(value, Mapping):
            return value
        if isinstance(node, (list, tuple)) and value and all(str(k).isdigit() for k in value):
            for key, part in value.items():
                node = _merged(node, (str(key),), part)
            return node
        if not isinstance(node, Mapping) or value.get("_delete_"):
            node = {}
        for key, part in value.items():
            if key != "_delete_":
                node = {**node, key: _merged(node.get(key), (), part)}
        return node
    if isinstance(node, (list, tuple)):
        entries, index = [*node, None], int(parts[0])
        entries[index] = _merged(entries[index], parts[1:], value)
        return type(node)(entries if index == len(node) else entries[:-1])
    node = node or {}
    return {**node, parts[0]: _merged(node.get(parts[0]), parts[1:], value)}


def _without_removed(content: Any, options: Mapping[str, Any]) -> Any:
    """Leave out the entries of lists of dicts that options set to None."""
    for place in {option.rpartition(".")[0] for option in options if options[option] is None}:
        found: Any = content
        for part in place.split(".") if place else ():
            found = found[int(part) if isinstance(found, (list, tuple)) else part]
        if isinstance(found, (list, tuple)) and any(isinstance(each, Mapping) for each in found):
            kept = type(found)(each for each in found if each is not None)
            content = _merged(content, place.split("."), kept)
    return content


def _check_first(option: str, name: str, config: Config) -> None:
    known = RUNNER_KEYS | READ_LATER
    if name in known:
        return
    if name in config:
        raise ConfigError(
            f"--cfg-options {option}: {name} is a variable of the config file, which has been "
            "used already. Set the keys that it went into, such as "
            "train_dataloader.dataset.data_root."
        )
    hint = did_you_mean(name, known, "See the config for its keys.")
    raise ConfigError(f"--cfg-options {option}: there is no {name}. {hint}")


def _holds_typed(node: Mapping) -> bool:
    """Return whether every entry of a dict has a `type`, as in `task_heads` and default hooks."""
    values = [value for value in node.values() if value is not None]
    typed = all(isinstance(value, Mapping) and "type" in value for value in values)
    return "type" not in node and bool(values) and typed
