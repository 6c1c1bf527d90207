"""Refuse configs that were written for another toolkit, with what to do instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from mmengine.utils import get_object_from_string
from mmseg.models.segmentors import BaseSegmentor

from ..errors import ConfigError
from ..models.segmentors import MultiTaskSegmentor
from ..utils import did_you_mean

GUIDE = "docs/tutorials/from_mmseg.md"

RENAMED = {
    "checkpoint_config": "default_hooks.checkpoint",
    "data.samples_per_gpu": "train_dataloader.batch_size",
    "data.workers_per_gpu": "train_dataloader.num_workers",
    "evaluation.interval": "train_cfg.val_interval",
    "evaluation.metric": "val_evaluator",
    "log_config": "default_hooks.logger",
    "lr_config": "param_scheduler",
    "optimizer_config": "optim_wrapper",
    "runner": "train_cfg",
}
"""Keys of mmseg 0.x, and what replaces them in mmseg 1.x and here."""

OURS = ("mmseg", "mmcv", "mmengine")
"""Scopes whose types are all registered here."""


def check_origin(
    content: Mapping[str, Any], nodes: Iterable[tuple[str, dict]], known: Mapping[str, Any]
) -> None:
    """Raise a `ConfigError` for what a config has from mmseg or other packages and cannot be used.

    That are keys of mmseg 0.x, models and decode heads of mmseg, and types that are not installed.

    Args:
        content: the config.
        nodes: its dicts with a type, by dotted key.
        known: the registered types by name.
    """
    _check_version(content)
    model = content.get("model")
    name = model.get("type") if isinstance(model, Mapping) else None
    kind = known.get(name.rpartition(".")[2]) if isinstance(name, str) else name
    bases = kind.__mro__ if isinstance(kind, type) else ()
    if BaseSegmentor in bases and MultiTaskSegmentor not in bases:
        raise ConfigError(
            f"model.type={name!r} is a network of mmseg, for one task; this toolkit trains and "
            f"runs a MultiTaskSegmentor. {GUIDE} shows how the backbone and the decode_head of "
            "such a config become one; to train it as it is, use mmseg's own tools."
        )
    for key, node in nodes:
        # Before its parts, which may be of a package that is not there.
        if check := getattr(known.get(node["type"]), "check_arguments", None):
            check(node)
        if "." in node["type"]:
            _check_path(f"{key}.type", node["type"], known)


def _check_version(content: Mapping[str, Any]) -> None:
    given = {}
    for key, new in RENAMED.items():
        place, _, name = key.rpartition(".")
        section = content.get(place) if place else content
        if isinstance(section, Mapping) and section.get(name) is not None:
            given[key] = new
    if given:
        changes = ", ".join(f"{key} is now {new}" for key, new in given.items())
        raise ConfigError(
            f"The config has keys of mmseg 0.x, which nothing reads: {changes}. Start from the "
            f"config of mmseg 1.x with this name ({GUIDE}), or set these keys to None."
        )


def _check_path(key: str, name: str, known: Mapping[str, Any]) -> None:
    """Raise a `ConfigError` for a type behind a scope or an import path that is not there."""
    scope, _, last = name.partition(".")
    if scope in OURS and last in known:
        return
    if get_object_from_string(name) is not None:
        return
    if find_spec(scope) is None:
        raise ConfigError(
            f"{key}={name!r} is a part of the package {scope}, which is not installed. Install it, "
            "or choose a part of this toolkit or of mmseg; TimmEncoder offers any encoder of timm."
        )
    if scope in OURS or find_spec(f"{scope}.registry") is None:
        hint = did_you_mean(name.rpartition(".")[2], known, "")
        raise ConfigError(f"{key}={name!r}: {scope} has no such class. {hint}".rstrip())
