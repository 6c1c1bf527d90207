"""Values that the command line lays over a config."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import ConfigError
from ..utils import did_you_mean
from .option_values import parse_value

RUNNER_KEYS = {*inspect.signature(Runner.__init__).parameters} - {"self"}
"""What the runner reads of a config."""

READ_LATER = {"find_unused_parameters", "model_wrapper_cfg", "sync_bn"}
"""What it looks for when it wraps the model for several processes."""


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """Return the values of `key=value` strings; see `parse_value`.

    Raises:
        ConfigError: an option is not of that form.

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


def check_options(options: Mapping[str, Any], config: Config) -> None:
    """Raise a `ConfigError` for an option that nothing would ever read.

    Arguments of what has a `type` are checked later, with those of the config file.
    """
    for option in options:
        parts = option.split(".")
        _check_first(option, parts[0], config)
        node: Any = config.to_dict()
        for depth, part in enumerate(parts):
            place = ".".join(parts[:depth])
            if isinstance(node, (list, tuple)):
                if not (part.isdigit() and int(part) < len(node)):
                    raise ConfigError(
                        f"--cfg-options {option}: {place} has the entries 0 to {len(node) - 1}, "
                        f"not {part}."
                    )
                node = node[int(part)]
            elif not isinstance(node, Mapping):
                raise ConfigError(f"--cfg-options {option}: {place} is {node!r}, without parts.")
            elif part in node:
                node = node[part]
            else:
                # A new entry beside others that each have a type needs one as well.
                is_typed = f"{'.'.join(parts[: depth + 1])}.type" in options
                if _holds_typed(node) and not is_typed:
                    raise ConfigError(
                        f"--cfg-options {option}: there is no {part} in {place}. "
                        + did_you_mean(part, node)
                    )
                break


def _check_first(option: str, name: str, config: Config) -> None:
    known = RUNNER_KEYS | READ_LATER
    if name in known:
        return
    if name in config:
        raise ConfigError(
            f"--cfg-options {option}: {name} is a variable of the config file, which has been "
            "used already. Set the keys that it went into, such as train_cfg.max_epochs."
        )
    hint = did_you_mean(name, known, "See the config for its keys.")
    raise ConfigError(f"--cfg-options {option}: there is no {name}. {hint}")


def _holds_typed(node: Mapping) -> bool:
    """Return whether a dict holds things to build by name, as `task_heads` and hooks do."""
    values = [value for value in node.values() if value is not None]
    typed = all(isinstance(value, Mapping) and "type" in value for value in values)
    return "type" not in node and bool(values) and typed
