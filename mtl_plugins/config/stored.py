"""The config that a checkpoint carries, taken as data: nothing that it names is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.registry import MODELS, TRANSFORMS
from mmseg.utils import register_all_modules

from ..checkpoints import CheckpointError, without_pretrained
from ..install import plugins
from .data import imported_modules
from .image_transforms import image_transforms
from .literals import read_literals


def stored_config(checkpoint: Mapping[str, Any], name: str) -> Config:
    """Return what a checkpoint's own config says about its model and the images of a test.

    mmengine stores the config as Python text. It is read by `read_literals`, and every `type` in
    it must be one that this package, its installed plugins, mmseg, mmcv or mmengine register:
    import paths, scopes and modules of the user's environment would run code that the checkpoint
    chose.

    Args:
        checkpoint: as from `load_checkpoint`.
        name: what to call it in errors.

    Returns:
        A config of `model`, without pretrained weights and with the tasks in the order of the
        weights, and of `test_dataloader.dataset.pipeline`, see `image_transforms`.

    Raises:
        CheckpointError: there is no config, or one that would have to be executed.
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
    foreign = [
        *_foreign_imports(values.get("custom_imports")),
        *_foreign_types(model, MODELS),
        *_foreign_types(pipeline, TRANSFORMS),
    ]
    if foreign:
        raise CheckpointError(
            f"the config that checkpoint {name} carries needs {', '.join(dict.fromkeys(foreign))}, "
            f"which is no part of mtl_plugins, mmseg, mmcv or mmengine. {remedy}"
        )
    return Config(dict(model=model, test_dataloader=dict(dataset=dict(pipeline=pipeline))))


def _foreign_imports(custom: Any) -> list[str]:
    # What an installed plugin registers is there already, whatever the checkpoint says. No set: a
    # checkpoint may say what cannot be in one.
    known = ["mtl_plugins", *(plugin.module for plugin in plugins.found)]
    return [f"the module {name!r}" for name in imported_modules(custom) if name not in known]


def _foreign_types(node: Any, registry: Registry) -> Iterator[str]:
    """Yield every type and scope below a config that would be looked up outside the registry."""
    if isinstance(node, Mapping):
        for key in ("type", "_scope_"):
            if node.get(key) is not None and (key != "type" or not _holds(registry, node[key])):
                yield f"{key}={node[key]!r}"
        node = list(node.values())
    for value in node if isinstance(node, (list, tuple)) else ():
        yield from _foreign_types(value, registry)


def _holds(registry: Registry | None, name: Any) -> bool:
    """Return whether a registry, or one above it, holds this very name."""
    if registry is None:
        return False
    return name in list(registry.module_dict) or _holds(registry.parent, name)


def _sort_tasks(head: dict[str, Any], weights: Sequence[str]) -> None:
    """Put the tasks in the order in which the network had them: mmengine sorts its text by name.

    Sums over tasks and the order of results follow it.
    """
    prefix, tasks = "decode_head.task_heads.", head["task_heads"]
    known = [key.removeprefix(prefix).split(".")[0] for key in weights if key.startswith(prefix)]
    order = dict.fromkeys([*(task for task in known if task in tasks), *tasks])
    head["task_heads"] = {task: tasks[task] for task in order}
