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

from ..datasets.formats import DepthFormat
from ..errors import ConfigError
from ..models.task_heads import TaskHead
from ..targets import TYPES
from ..utils import did_you_mean, nearest
from .kinds import check_kinds
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


SECTIONS: dict[str, tuple[Callable, ...]] = {
    **{f"{split}_dataloader": (DataLoader.__init__,) for split in ("train", "val", "test")},
    "env_cfg": (),
    "env_cfg.mp_cfg": (set_multi_processing,),
    "randomness": (Runner.set_randomness,),
    "log_processor": (LogProcessor.__init__,),
    "val_cfg": (ValLoop.__init__,),
    "test_cfg": (TestLoop.__init__,),
    "auto_scale_lr": (),
    "optim_wrapper.clip_grad": (clip_grad_norm_, clip_grad_value_),
}
"""Functions that take a section which mmengine builds without a `type`."""

FURTHER = {
    **{
        f"{split}_dataloader": {"num_batch_per_epoch", "dataset"}
        for split in ("train", "val", "test")
    },
    "env_cfg": {"cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit", "tf32"},
    "auto_scale_lr": {"enable", "base_batch_size"},
    "optim_wrapper.clip_grad": {"type"},
}
"""Further keys of sections; for our `env_cfg.tf32` see `set_tf32`."""

RUNNER_TEXTS = ("work_dir", "load_from", "resume", "launcher", "log_level", "default_scope")
"""Plain values that the runner takes."""

DICTS = (
    *SECTIONS,
    *(f"{split}_dataloader.sampler" for split in ("train", "val", "test")),
    *("model_wrapper_cfg", "data_preprocessor", "optim_wrapper.paramwise_cfg"),
    *("model", "train_cfg", "optim_wrapper", "default_hooks", "visualizer", "env_cfg.dist_cfg"),
)
"""Sections that are dicts or None."""

LISTS = (
    *("custom_hooks", "param_scheduler", "val_evaluator", "test_evaluator"),
    "visualizer.vis_backends",
)
"""Sections that are lists of dicts, or one dict, or None."""

POSITIVE = ("optim_wrapper.clip_grad.max_norm", "optim_wrapper.clip_grad.clip_value")
"""Numbers that would turn the gradient around if they were negative."""

REGISTRIES: dict[str, Registry] = {
    "model": mmengine.registry.MODELS,
    "optim_wrapper": mmengine.registry.OPTIM_WRAPPERS,
    "constructor": mmengine.registry.OPTIM_WRAPPER_CONSTRUCTORS,
    "optimizer": mmengine.registry.OPTIMIZERS,
    "param_scheduler": mmengine.registry.PARAM_SCHEDULERS,
    "dataset": mmengine.registry.DATASETS,
    "sampler": mmengine.registry.DATA_SAMPLERS,
    **dict.fromkeys(("pipeline", "transforms"), mmengine.registry.TRANSFORMS),
    **dict.fromkeys(("default_hooks", "custom_hooks"), mmengine.registry.HOOKS),
    **dict.fromkeys(("train_cfg", "val_cfg", "test_cfg"), mmengine.registry.LOOPS),
    **dict.fromkeys(("val_evaluator", "test_evaluator"), mmengine.registry.METRICS),
    "vis_backends": mmengine.registry.VISBACKENDS,
}
"""Part of a key -> registry of the types that may be named there."""

SWITCHES = ("env_cfg.tf32", "env_cfg.cudnn_benchmark")
"""Values that are True, False or None."""

NEEDED = {
    "model.backbone": "dict(type='TimmEncoder', model_name='resnet18')",
    "model.decode_head": "dict(type='BranchedHead', ...)",
    "optim_wrapper.optimizer": "dict(type='Adam', lr=1e-3)",
    **{
        f"{split}_dataloader.dataset": "dict(type='MultiTaskDataset', ...)"
        for split in ("train", "val", "test")
    },
}
"""Parts without which the part above them means nothing, and examples."""

PLAIN = ("optim_wrapper.constructor", "optim_wrapper.clip_grad")
"""Sections whose `type` need not be registered."""

BY_NAME = ("DefaultOptimWrapperConstructor", "BalancedOptimWrapperConstructor")
"""Constructors of optimizers that read `PARAMWISE`."""

PARAMWISE = {
    *("bias_lr_mult", "bias_decay_mult", "norm_decay_mult", "flat_decay_mult", "custom_keys"),
    *("dwconv_decay_mult", "dcn_offset_lr_mult", "bypass_duplicate", "layer_decay"),
}
"""Keys of `paramwise_cfg`, of which others would be ignored; `layer_decay` is ours."""

DECLARATIONS = ("target", "targets")
"""Keys of declared targets, whose `type` is one of `targets.TYPES`."""

NOT_BUILT = (*DECLARATIONS, "on_trace_ready")
"""Keys of dicts whose `type` names no class; the last one is mmengine's `ProfilerHook`'s."""

OF_ALBUMENTATIONS = ("AlbuImage", "Albu")
"""Types whose `transforms` are named by Albumentations; building the first one checks them."""

WHOLE_NUMBERS = {
    **{f"{split}_dataloader.batch_size": 1 for split in ("train", "val", "test")},
    **{f"{split}_dataloader.num_workers": 0 for split in ("train", "val", "test")},
    **{f"{split}_dataloader.prefetch_factor": 1 for split in ("train", "val", "test")},
    **dict.fromkeys(("train_cfg.max_epochs", "train_cfg.max_iters", "train_cfg.val_interval"), 1),
    "optim_wrapper.accumulative_counts": 1,
}
"""Minimum of each number that is otherwise used only after everything has been built."""


def check_config(config: Config) -> None:
    """Raise a `ConfigError` for the first unknown type or argument, or invalid value."""
    known = register_types()
    content = config.to_dict()
    check_origin(content, typed_nodes(content), known)
    _check_shapes(content)
    check_kinds("", {key: content[key] for key in content if key in RUNNER_TEXTS}, Runner.__init__)
    for key, least in WHOLE_NUMBERS.items():
        number = _section(content, key)
        if number is not None and (type(number) is not int or number < least):
            raise ConfigError(f"{key}={number!r}; expected a whole number of at least {least}.")
    for key in SWITCHES:
        if (switch := _section(content, key)) not in (True, False, None):
            raise ConfigError(f"{key}={switch!r}; expected True, False or None.")
    for key in POSITIVE:
        number = _section(content, key)
        if isinstance(number, (int, float)) and number <= 0:
            raise ConfigError(f"{key}={number!r}; expected a number above 0.")
    for key, node in typed_nodes(content):
        name = node["type"].rpartition(".")[2]
        if "." in node["type"] and name not in known:
            continue  # the import path of a class, which mmengine resolves
        if name in TYPES:
            continue  # a variable of the config that declares a target
        if name not in known:
            near = _types_of_place(key) or known
            hint = did_you_mean(name, near, "Is the module that registers it in custom_imports?")
            raise ConfigError(f"{key}.type={node['type']!r} is not registered. {hint}")
        _check_arguments(key, node, known)
        check_kinds(key, node, known[name])
        if isinstance(node.get("depth_format"), Mapping):
            check_kinds(f"{key}.depth_format", node["depth_format"], DepthFormat)
    constructor = _section(content, "optim_wrapper.constructor")
    if isinstance(constructor, str) and constructor not in known:
        hint = did_you_mean(constructor, _types_of_place("optim_wrapper.constructor"))
        raise ConfigError(f"optim_wrapper.constructor={constructor!r} is not registered. {hint}")
    if constructor in (None, *BY_NAME):
        names = _section(content, "optim_wrapper.paramwise_cfg") or {}
        _check_names("optim_wrapper.paramwise_cfg", names, PARAMWISE, "this constructor")
    for key, functions in SECTIONS.items():
        section = _section(content, key)
        if isinstance(section, Mapping) and ("type" not in section or key in PLAIN):
            accepted = _named(*functions) | FURTHER.get(key, set())
            _check_names(key, section, accepted | NOT_PASSED_ON, key)
            for function in functions:
                check_kinds(key, section, function)


def register_types() -> dict[str, Any]:
    """Register the types of mmseg and return all registered ones; see `registered_types`."""
    register_all_modules(init_default_scope=False)
    import_module("mmseg.visualization")  # register_all_modules omits it
    return registered_types()


def _check_shapes(content: Mapping[str, Any]) -> None:
    """Raise a `ConfigError` for a section that is no dict or list, or lacks its type."""
    for key in DICTS:
        section = _section(content, key)
        if section is not None and not isinstance(section, Mapping):
            raise ConfigError(f"{key}={section!r}; expected a dict, or None.")
    for key in LISTS:
        section = _section(content, key)
        entries = section if isinstance(section, (list, tuple)) else [section]
        if any(not isinstance(each, Mapping) for each in entries) and section is not None:
            raise ConfigError(f"{key}={section!r}; expected a list of dicts.")
    for name, hook in (content.get("default_hooks") or {}).items():
        if hook is not None and not isinstance(hook, Mapping):
            raise ConfigError(f"default_hooks.{name}={hook!r}; expected a dict, or None.")
    for key in NEEDED:
        place, _, name = key.rpartition(".")
        parent = _section(content, place)
        part = parent.get(name) if isinstance(parent, Mapping) and name in parent else {"type": ""}
        if isinstance(part, (list, tuple)) and name == "dataset":
            raise ConfigError(
                f"{key} is a list of {len(part)}. To join data sets, write "
                "dict(type='ConcatDataset', datasets=[...])."
            )
        if not isinstance(part, Mapping) or "type" not in part:
            raise ConfigError(
                f"{key}={part!r}; expected a dict with a type, such as {NEEDED[key]}."
            )


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
    for registry in vars(mmengine.registry).values():
        if isinstance(registry, Registry):
            found.update(_content(registry))
    return found


def _types_of_place(key: str) -> dict[str, Any]:
    """Return the registered types that may be named at a dotted key; empty if that is unknown."""
    places = [part for part in key.split(".") if part in REGISTRIES]
    return _content(REGISTRIES[places[-1]]) if places else {}


def _content(registry: Registry) -> dict[str, Any]:
    """Return what a registry and its children hold, by name."""
    found = dict(registry.module_dict)
    for child in registry.children.values():
        found.update(_content(child))
    return found


def typed_nodes(node: Any, key: str = "") -> Iterator[tuple[str, dict]]:
    """Yield every dict that names a registered type, with its dotted key.

    Raises:
        ConfigError: a type is neither a name nor a class; heads alone have a default one.
    """
    if key in PLAIN:
        return
    if isinstance(node, Mapping):
        kind = node.get("type")
        if isinstance(kind, str):
            yield key, dict(node)
        elif "type" in node and not callable(kind) and ".task_heads." not in f".{key}":
            raise ConfigError(f"{key}.type={kind!r}; expected the name of a registered class.")
        items: Iterable[tuple[Any, Any]] = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        return
    foreign = isinstance(node, Mapping) and node.get("type") in OF_ALBUMENTATIONS
    for name, value in items:
        if name not in NOT_BUILT and not (foreign and name == "transforms"):
            yield from typed_nodes(value, f"{key}.{name}" if key else str(name))


def foreign_arguments(
    key: str, node: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[list[str], bool]:
    """Return the arguments of a part that its type does not name, and whether it may take them."""
    accepted, is_open = _arguments(key, node, known)
    return [name for name in node if name not in accepted], is_open


def _check_arguments(key: str, node: dict, known: Mapping[str, Any]) -> None:
    """Raise a `ConfigError` for an argument that the registered class does not take."""
    accepted, is_open = _arguments(key, node, known)
    if not is_open:
        _check_names(key, node, accepted, node["type"])
        return
    for argument in set(node) - accepted:
        if near := nearest(argument, accepted, cutoff=TYPO):
            raise ConfigError(
                f"{key}.{argument}: {node['type']} has no such argument. Did you mean {near[0]}?"
            )


def _arguments(
    key: str, node: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[set[str], bool]:
    """Return the names that the type of a part takes, and whether it takes any other."""
    registered = known.get(node["type"].rpartition(".")[2])
    if registered is None:
        return {*node}, True
    accepted, is_open = _accepted_arguments(registered)
    accepted |= NOT_PASSED_ON | TAKEN_OUT.get(key.split(".")[0], set())
    for ending, names in OF_LAYERS.items():
        accepted |= names if key.endswith(ending) else set()
    if inspect.isclass(registered) and issubclass(registered, TaskHead):
        accepted |= {"target"}
    return accepted, is_open


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
