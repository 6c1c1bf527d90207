"""The network of a config, and the config that a checkpoint stores for its network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry, init_default_scope
from mmseg.registry import MODELS, TRANSFORMS
from mmseg.utils import register_all_modules

from ..checkpoints import (
    CheckpointError,
    build_network,
    load_checkpoint,
    load_weights,
    without_pretrained,
)
from ..errors import ConfigError
from ..install import plugins
from ..models.segmentors import MultiTaskSegmentor
from .building import building
from .data import imported_modules, read_literals
from .datasets import image_transforms
from .loading import as_config
from .tasks import complete_tasks


def build(
    config: Config | Mapping[str, Any] | str | os.PathLike[str],
    checkpoint: str | os.PathLike[str] | None = None,
    pretrained: bool = True,
    options: Sequence[str] = (),
) -> MultiTaskSegmentor:
    """Build the network of a config, in evaluation mode on the CPU.

    Args:
        config: a config file, a config as from `load_config`, or a dict: of the values of a config,
            or of its `model` section.
        checkpoint: file whose weights are loaded instead of pretrained ones.
        pretrained: load the weights that the config names, which may download them.
        options: `dotted.key=value` laid over the config, as in `load_config`.

    Returns:
        The network. `network.test_step(dict(inputs=images))` predicts images, 3,H,W uint8 BGR of
        any sizes; `network.decode_head.tasks()` lists its tasks.

    Raises:
        ConfigError: the config has no model of this toolkit, or the weights are of another model.
        CheckpointError: the checkpoint is damaged or would need pickle.

    >>> small = ["model.backbone.model_name=test_resnet"]
    >>> network = build("configs/mtl_branched.py", options=small)
    >>> [task for task, head in network.decode_head.tasks()]
    ['semseg', 'depth']
    """
    if isinstance(config, Mapping) and "model" not in config:
        config = dict(model=dict(config))
    found = as_config(config, options)
    if not found.get("model"):
        raise ConfigError(f"{found.filename} has no model.")
    init_default_scope(found.get("default_scope", "mmseg"))
    fetched = pretrained and checkpoint is None
    with building(found):
        complete_tasks(found)
        network = build_network(found.model.to_dict(), found.filename or "the config", fetched)
    if checkpoint is not None:
        load_weights(network, load_checkpoint(checkpoint), str(checkpoint))
    elif fetched and any(getattr(module, "init_cfg", None) for module in network.modules()):
        # As at the start of training; mmengine logs every weight.
        network.init_weights()
    return network.eval()


def stored_config(checkpoint: Mapping[str, Any], name: str) -> Config:
    """Read the model and the test pipeline from the config that a checkpoint stores.

    mmengine stores the config as Python text. `read_literals` reads it, and every `type` in it must
    be registered by this package, its installed plugins, mmseg, mmcv or mmengine: an import path,
    a scope or a module of the user's environment would run code that the checkpoint chose.

    Args:
        checkpoint: as from `load_checkpoint`.
        name: name of the checkpoint in errors.

    Returns:
        A config of `model`, without pretrained weights and with the tasks in the order of the
        weights, and of `test_dataloader.dataset.pipeline`, see `image_transforms`.

    Raises:
        CheckpointError: there is no config, or it would have to be executed.
    """
    remedy = "Give the CONFIG that it was trained with, if you trust it."
    meta = checkpoint.get("meta")
    text = meta.get("cfg") if isinstance(meta, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise CheckpointError(f"checkpoint {name} carries no config. {remedy}")
    try:
        values = read_literals(text)
        model, pipeline = values["model"], image_transforms(values)
        _sort_tasks(model["decode_head"], [str(key) for key in checkpoint.get("state_dict", ())])
    except ValueError as error:
        raise CheckpointError(
            f"the config that checkpoint {name} carries would have to be executed ({error}); "
            f"expected plain values. {remedy}"
        ) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"the config that checkpoint {name} carries describes no multi-task model "
            f"({type(error).__name__}: {error}). {remedy}"
        ) from None
    model = without_pretrained(model)
    register_all_modules(init_default_scope=False)
    # Installed plugins are imported anyway, whatever the checkpoint says. The names are compared in
    # a list because a checkpoint may give values that are not hashable.
    known = ["mtl_plugins", *(plugin.module for plugin in plugins.found)]
    imports = imported_modules(values.get("custom_imports"))
    foreign = [
        *(f"the module {module!r}" for module in imports if module not in known),
        *_foreign_types(model, MODELS),
        *_foreign_types(pipeline, TRANSFORMS),
    ]
    if foreign:
        raise CheckpointError(
            f"the config that checkpoint {name} carries needs {', '.join(dict.fromkeys(foreign))}, "
            f"which is no part of mtl_plugins, mmseg, mmcv or mmengine. {remedy}"
        )
    return Config(dict(model=model, test_dataloader=dict(dataset=dict(pipeline=pipeline))))


def _foreign_types(node: Any, registry: Registry) -> Iterator[str]:
    """Yield every type and scope in a config that would be looked up outside the registry."""
    if isinstance(node, Mapping):
        for key in ("type", "_scope_"):
            if node.get(key) is not None and (key != "type" or not _holds(registry, node[key])):
                yield f"{key}={node[key]!r}"
        # The type of a target is none of a class.
        node = [value for key, value in node.items() if key != "target"]
    for value in node if isinstance(node, (list, tuple)) else ():
        yield from _foreign_types(value, registry)


def _holds(registry: Registry | None, name: Any) -> bool:
    """Return whether a registry or one of its parents has exactly this name."""
    if registry is None:
        return False
    return name in list(registry.module_dict) or _holds(registry.parent, name)


def _sort_tasks(head: dict[str, Any], weights: Sequence[str]) -> None:
    """Put the tasks back into the network's order, which mmengine's text loses by sorting.

    Sums over tasks and the order of results depend on it.
    """
    prefix, tasks = "decode_head.task_heads.", head["task_heads"]
    known = [key.removeprefix(prefix).split(".")[0] for key in weights if key.startswith(prefix)]
    order = dict.fromkeys([*(task for task in known if task in tasks), *tasks])
    head["task_heads"] = {task: tasks[task] for task in order}
