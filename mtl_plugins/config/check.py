"""Check that every type and argument in a config exists."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import LogProcessor, Runner, TestLoop, ValLoop
from mmengine.utils.dl_utils import set_multi_processing
from mmseg.utils import register_all_modules
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from ..errors import ConfigError
from ..models.task_heads import TaskHead
from ..targets import TYPES
from ..utils import did_you_mean, nearest
from .origin import check_origin

NOT_PASSED_ON = {"type", "_scope_", "priority", "by_epoch"}
"""Keys that mmengine removes from any config before it builds."""

TAKEN_OUT = {
    "optim_wrapper": {"constructor", "paramwise_cfg"},
    "param_scheduler": {"convert_to_iter_based"},
}
"""Further keys that it removes, by section."""

OF_LAYERS = {"norm_cfg": {"requires_grad"}}
"""Keys that mmcv removes before it builds a layer, by the end of the key of the layer's config."""

TYPO = 0.8
"""Similarity (0 to 1) from which a name is a typo of an argument, if any name is accepted."""


def _named(*functions: Callable) -> set[str]:
    """Return the names of the functions' arguments."""
    return {name for function in functions for name in inspect.signature(function).parameters}


LOADER_ARGUMENTS = _named(DataLoader.__init__) | {"num_batch_per_epoch", "dataset"}
"""Keys of a data loader's config."""

SECTIONS = {
    **{f"{split}_dataloader": LOADER_ARGUMENTS for split in ("train", "val", "test")},
    "env_cfg": {"cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit", "tf32"},
    "env_cfg.mp_cfg": _named(set_multi_processing),
    "randomness": _named(Runner.set_randomness),
    "log_processor": _named(LogProcessor.__init__),
    "val_cfg": _named(ValLoop.__init__),
    "test_cfg": _named(TestLoop.__init__),
    "auto_scale_lr": {"enable", "base_batch_size"},
    "optim_wrapper.clip_grad": _named(clip_grad_norm_, clip_grad_value_) | {"type"},
}
"""Keys of sections that mmengine builds without a `type`; for our `env_cfg.tf32` see `set_tf32`."""

PLAIN = ("optim_wrapper.constructor", "optim_wrapper.clip_grad")
"""Sections whose `type` need not be registered."""

DECLARATIONS = ("target", "targets")
"""Keys of declared targets, whose `type` is one of `targets.TYPES`."""

NOT_BUILT = (*DECLARATIONS, "on_trace_ready")
"""Keys of dicts whose `type` names no class; the last one is mmengine's `ProfilerHook`'s."""

WHOLE_NUMBERS = {
    **{f"{split}_dataloader.batch_size": 1 for split in ("train", "val", "test")},
    **{f"{split}_dataloader.num_workers": 0 for split in ("train", "val", "test")},
    **dict.fromkeys(("train_cfg.max_epochs", "train_cfg.max_iters", "train_cfg.val_interval"), 1),
    "optim_wrapper.accumulative_counts": 1,
}
"""Minimum of each number that is otherwise used only after everything has been built."""


def check_config(config: Config) -> None:
    """Raise a `ConfigError` for the first unknown type or argument, or invalid number."""
    register_all_modules(init_default_scope=False)
    import_module("mmseg.visualization")  # register_all_modules omits it
    known = registered_types()
    content = config.to_dict()
    check_origin(content, _typed_nodes(content, ""), known)
    for key, node in _typed_nodes(content, ""):
        name = node["type"].rpartition(".")[2]
        if "." in node["type"] and name not in known:
            continue  # the import path of a class, which mmengine resolves
        if name in TYPES:
            continue  # a variable of the config that declares a target
        if name not in known:
            hint = did_you_mean(name, known, "Is the module that registers it in custom_imports?")
            raise ConfigError(f"{key}.type={node['type']!r} is not registered. {hint}")
        _check_arguments(key, node, known[name])
    constructor = _section(content, "optim_wrapper.constructor")
    if isinstance(constructor, str) and constructor not in known:
        hint = did_you_mean(constructor, [name for name in known if "Constructor" in name])
        raise ConfigError(f"optim_wrapper.constructor={constructor!r} is not registered. {hint}")
    for key, accepted in SECTIONS.items():
        section = _section(content, key)
        if isinstance(section, Mapping) and ("type" not in section or key in PLAIN):
            _check_names(key, section, accepted | NOT_PASSED_ON, key)
    for key, least in WHOLE_NUMBERS.items():
        number = _section(content, key)
        if number is not None and (not isinstance(number, int) or number < least):
            raise ConfigError(f"{key}={number!r}; expected a whole number of at least {least}.")


def _section(content: Mapping, key: str) -> Any:
    """Return the value of a dotted key; None if it is not set.

    Raises:
        ConfigError: a part of the key is set but holds no keys.
    """
    section: Any = content
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if section and not isinstance(section, Mapping):
            place = ".".join(parts[:depth])
            raise ConfigError(f"{place}={section!r}; expected a dict, or None.")
        section = (section or {}).get(part)
    return section


def registered_types() -> dict[str, Any]:
    """Return the content of mmengine's root registries and of their children, by name."""
    found: dict[str, Any] = {}
    pending = [value for value in vars(mmengine.registry).values() if isinstance(value, Registry)]
    while pending:
        registry = pending.pop()
        found.update(registry.module_dict)
        pending.extend(registry.children.values())
    return found


def _typed_nodes(node: Any, key: str) -> Iterator[tuple[str, dict]]:
    """Yield every dict that names a registered type, with its dotted key."""
    if key in PLAIN:
        return
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str):
            yield key, dict(node)
        items: Iterable[tuple[Any, Any]] = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        return
    for name, value in items:
        if name not in NOT_BUILT:
            yield from _typed_nodes(value, f"{key}.{name}" if key else str(name))


def _check_arguments(key: str, node: dict, registered: Any) -> None:
    """Raise a `ConfigError` for an argument that the registered class does not take."""
    accepted, is_open = _accepted_arguments(registered)
    accepted |= NOT_PASSED_ON | TAKEN_OUT.get(key.split(".")[0], set())
    for ending, names in OF_LAYERS.items():
        accepted |= names if key.endswith(ending) else set()
    if inspect.isclass(registered) and issubclass(registered, TaskHead):
        accepted |= {"target"}
    if not is_open:
        _check_names(key, node, accepted, node["type"])
        return
    for argument in set(node) - accepted:
        if near := nearest(argument, accepted, cutoff=TYPO):
            raise ConfigError(
                f"{key}.{argument}: {node['type']} has no such argument. Did you mean {near[0]}?"
            )


def _check_names(key: str, node: Mapping, accepted: set[str], owner: str) -> None:
    """Raise a `ConfigError` for the first key of a dict that is not accepted."""
    for argument in node:
        if argument not in accepted:
            hint = did_you_mean(argument, accepted - {"self", *NOT_PASSED_ON})
            raise ConfigError(f"{key}.{argument}: {owner} has no such argument. {hint}")


def _accepted_arguments(registered: Any) -> tuple[set[str], bool]:
    """Return the names of a class's or function's arguments, and whether it takes any other."""
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
        # `**kwargs` go to the next class of the hierarchy, up to one without them. Under another
        # name they go elsewhere, and the class itself checks them.
        if not rest:
            return accepted - {"self"}, False
        if rest != ["kwargs"]:
            return accepted - {"self"}, True
    return accepted - {"self"}, True
