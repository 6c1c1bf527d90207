"""Reading a config file, with every typo found before anything is built."""

from __future__ import annotations

import difflib
import inspect
import os
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mmengine.registry
from mmengine.config import Config, DictAction
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmseg.utils import register_all_modules
from torch.utils.data import DataLoader

from ..errors import ConfigError

UNCHECKED = ("param_scheduler", "optim_wrapper.constructor", "visualizer", "env_cfg")
"""Where mmengine itself takes arguments out before it builds."""

NOT_PASSED_ON = {"type", "_scope_", "priority", "by_epoch"}
"""Keys that mmengine takes out of any config before it builds."""

LOADER_ARGUMENTS = {
    *inspect.signature(DataLoader.__init__).parameters,
    "num_batch_per_epoch",
    "dataset",
}
"""Keys of a data loader's config."""


def load_config(path: str, options: Sequence[str] = ()) -> Config:
    """Read a config file, lay `options` over it and check every name in it.

    Args:
        path: a Python config file. It is executed: read only those that you trust.
        options: `dotted.key=value`, as in `--cfg-options model.backbone.model_name=resnet50`.

    Raises:
        ConfigError: the file is missing or cannot be executed, a `type` is not registered, or an
            argument is unknown; with the nearest names.
    """
    if not os.path.isfile(path):
        raise ConfigError(f"There is no config file {path!r}.")
    try:
        config = Config.fromfile(path)
    except Exception as error:
        raise ConfigError(
            f"The config {path} cannot be read: {type(error).__name__}: {error}"
        ) from error
    if options:
        parsed = parsed_options(options)
        _check_options(parsed, config)
        try:
            config.merge_from_dict(parsed)
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise ConfigError(
                f"--cfg-options {' '.join(options)} cannot be laid over {path}: {error}"
            ) from error
    check_config(config)
    return config


def parsed_options(options: Sequence[str]) -> dict[str, Any]:
    """Return the values of `key=value` strings, typed as mmengine's command line types them."""
    for option in options:
        if "=" not in option:
            raise ConfigError(f"--cfg-options: {option!r} is not of the form key=value.")
    parser = ArgumentParser()
    parser.add_argument("--options", nargs="+", action=DictAction)
    return parser.parse_args(["--options", *options]).options


def _check_options(options: Mapping[str, Any], config: Config) -> None:
    """Raise for an option that the runner would never read."""
    known = set(inspect.signature(Runner.__init__).parameters) | {"find_unused_parameters"}
    for option in options:
        name = option.split(".")[0]
        if name in known:
            continue
        if name in config:
            raise ConfigError(
                f"--cfg-options {option}: {name} is a variable of the config file, which has been "
                "used already. Set the keys that it went into, such as train_cfg.max_epochs."
            )
        near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else "See the config for its keys."
        raise ConfigError(f"--cfg-options {option}: there is no {name}. {hint}")


def check_config(config: Config) -> None:
    """Raise a `ConfigError` for the first type or argument that does not exist."""
    register_all_modules(init_default_scope=False)
    known = _registered()
    for key, node in _typed_nodes(config.to_dict(), ""):
        name = node["type"].rpartition(".")[2]
        if "." in node["type"] and name not in known:
            continue  # the import path of a class, which mmengine resolves itself
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
            hint = (
                f"Did you mean {' or '.join(near)}?"
                if near
                else ("Is the module that registers it in custom_imports?")
            )
            raise ConfigError(f"{key}.type={node['type']!r} is not registered. {hint}")
        if not key.startswith(UNCHECKED):
            _check_arguments(key, node, known[name])
    for split in ("train", "val", "test"):
        loader = config.get(f"{split}_dataloader") or {}
        _check_names(f"{split}_dataloader", loader, LOADER_ARGUMENTS, "A data loader")


def _registered() -> dict[str, Any]:
    """Return everything in mmengine's root registries and in mmseg's and mmcv's children."""
    found: dict[str, Any] = {}
    pending = [value for value in vars(mmengine.registry).values() if isinstance(value, Registry)]
    while pending:
        registry = pending.pop()
        found.update(registry.module_dict)
        pending.extend(registry.children.values())
    return found


def _typed_nodes(node: Any, key: str) -> Iterator[tuple[str, dict]]:
    """Yield every dict that names a registered type, with its dotted key."""
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str):
            yield key, dict(node)
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        return
    for name, value in items:
        yield from _typed_nodes(value, f"{key}.{name}" if key else str(name))


def _check_arguments(key: str, node: dict, registered: Any) -> None:
    """Raise where a config gives an argument that the registered class does not take."""
    accepted = _accepted_arguments(registered)
    if accepted is None:
        return
    _check_names(key, node, accepted | NOT_PASSED_ON, node["type"])


def _check_names(key: str, node: Mapping, accepted: set[str], owner: str) -> None:
    for argument in node:
        if argument not in accepted:
            near = difflib.get_close_matches(argument, accepted, n=2, cutoff=0.5)
            hint = (
                f"Did you mean {' or '.join(near)}?"
                if near
                else f"It takes {', '.join(sorted(accepted))}."
            )
            raise ConfigError(f"{key}.{argument}: {owner} has no such argument. {hint}")


def _accepted_arguments(registered: Any) -> set[str] | None:
    """Return the names of all arguments of a class or function; None where it takes any."""
    if not inspect.isclass(registered):
        functions = [registered]
    else:
        own = (vars(base).get("__init__") for base in inspect.getmro(registered))
        functions = [function for function in own if inspect.isfunction(function)]
    accepted: set[str] = set()
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        accepted |= {parameter.name for parameter in parameters if parameter.kind in named}
        rest = [p.name for p in parameters if p.kind is p.VAR_KEYWORD]
        # **kwargs hand on to the next class of the hierarchy; one without them ends it. Under
        # another name they go elsewhere, and the class itself says what does not fit.
        if not rest:
            return accepted - {"self"}
        if rest != ["kwargs"]:
            return None
    return None
