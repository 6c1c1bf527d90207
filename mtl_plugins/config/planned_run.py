"""The values of a config that checks compare with each other, and what they ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.registry import Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmseg.registry import HOOKS, LOOPS

PARTS = {
    "train": ("train_dataloader", "train_cfg", "optim_wrapper"),
    "val": ("val_dataloader", "val_cfg", "val_evaluator"),
    "test": ("test_dataloader", "test_cfg", "test_evaluator"),
}
"""Sections of which mmengine needs all or none."""

LENGTHS = {EpochBasedTrainLoop: "max_epochs", IterBasedTrainLoop: "max_iters"}
"""The length of each training loop."""


@dataclass(frozen=True)
class Run:
    """The values of a config, and what the checks ask of them.

    Attributes:
        config: the values.
        loop: the class of the training loop in `LENGTHS`; None: no training, or another kind.
    """

    config: Mapping[str, Any]
    loop: type | None

    @property
    def length(self) -> int | None:
        """Return the length of the training, in its `unit`."""
        return self.config["train_cfg"].get(LENGTHS[self.loop]) if self.loop else None

    @property
    def epochs(self) -> int | None:
        """Return the length of a training that counts epochs."""
        return self.length if self.loop is EpochBasedTrainLoop else None

    @property
    def unit(self) -> str:
        """Name what the length counts."""
        return "epochs" if self.loop is EpochBasedTrainLoop else "iterations"

    @property
    def validates(self) -> bool:
        """Say whether the training is validated."""
        return all(self.config.get(part) is not None for part in PARTS["val"])

    def hooks(self, kind: type) -> dict[str, Mapping[str, Any]]:
        """Return the hooks of a class, or derived from it, by their keys."""
        named = dict(self.config.get("default_hooks") or {})
        # mmengine adds it if a config does not name it.
        named.setdefault("param_scheduler", dict(type="ParamSchedulerHook"))
        listed = enumerate(self.config.get("custom_hooks") or ())
        found = {f"default_hooks.{name}": hook for name, hook in named.items()}
        found |= {f"custom_hooks.{index}": hook for index, hook in listed}
        return {key: hook for key, hook in found.items() if is_kind(HOOKS, hook, kind)}


def loop_of(config: Mapping[str, Any]) -> type | None:
    """Return the class of a config's training loop in `LENGTHS`; None: another one, or none."""
    node = config.get("train_cfg") or {}
    if "type" not in node and "by_epoch" in node:
        return EpochBasedTrainLoop if node["by_epoch"] else IterBasedTrainLoop
    return next((kind for kind in LENGTHS if is_kind(LOOPS, node, kind)), None)


def is_kind(registry: Registry, node: Any, kind: type) -> bool:
    """Return whether a config builds an object of a class."""
    name = node.get("type") if isinstance(node, Mapping) else None
    found = registry.get(name) if isinstance(name, str) else name
    return isinstance(found, type) and issubclass(found, kind)
