"""Contradictions between the hooks of a config, and what a hook that is switched off costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook

from ..errors import ConfigError
from .planned_run import Run

SWITCHED_OFF = {
    "safe_checkpoint": (
        "SafeCheckpointHook",
        "mmengine's pickles then go into every checkpoint, and no command of this toolkit reads "
        "such a file: neither --resume nor test.py, predict.py or export.py",
    ),
    "sampler_seed": (
        "DistSamplerSeedHook",
        "every epoch then has the same order of the samples and the same augmentation",
    ),
    "param_scheduler": (
        "ParamSchedulerHook",
        "the learning rate then stays what it is at the beginning, whatever param_scheduler says",
    ),
}
"""Names in `default_hooks`, with type, of which None costs more than the name says."""


def check_form(config: Config) -> None:
    """Raise a `ConfigError` for hooks that are not written as mmengine reads them."""
    named, listed = config.get("default_hooks"), config.get("custom_hooks")
    if not isinstance(named, Mapping | NoneType):
        raise ConfigError(
            f"default_hooks={named!r}; expected a dict of hooks by name, such as "
            "default_hooks=dict(checkpoint=dict(interval=2)). Add hooks of yours to custom_hooks."
        )
    if not isinstance(listed, Sequence | NoneType) or isinstance(listed, str):
        raise ConfigError(
            f"custom_hooks={listed!r}; expected a list, such as custom_hooks=[dict(type='EMAHook')]"
            "."
        )
    for key, hook in [
        *((f"default_hooks.{name}", hook) for name, hook in (named or {}).items()),
        *((f"custom_hooks.{index}", hook) for index, hook in enumerate(listed or ())),
    ]:
        is_off = hook is None and key.startswith("default_hooks.")
        if not (is_off or isinstance(hook, (Mapping, Hook))):
            raise ConfigError(
                f"{key}={hook!r}; expected a dict with a type, such as dict(type='EMAHook')"
                f"{', or None' if key.startswith('default_hooks.') else ''}."
            )


def averaged_twice(run: Run) -> Iterator[str]:
    """Find averages of weights that would overwrite each other in a checkpoint."""
    keys = [*run.hooks(EMAHook)]
    if len(keys) > 1:
        yield (
            f"{' and '.join(keys)} are both an EMAHook, and a checkpoint has room for the average "
            "of one: the trained weights would be lost. Keep one of them."
        )


def two_beginnings(run: Run) -> Iterator[str]:
    """Find averages of weights with two beginnings."""
    for key, hook in run.hooks(EMAHook).items():
        if hook.get("begin_epoch") and hook.get("begin_iter"):
            yield f"{key} has begin_epoch and begin_iter: leave one of them out."


def late_average(run: Run, iterations: int | None = None) -> Iterator[str]:
    """Find averages of weights that begin after the training.

    Args:
        iterations: length of the training; None: not known yet.
    """
    if run.epochs is None:
        iterations = run.length
    for key, hook in run.hooks(EMAHook).items():
        for name, length in (("epoch", run.epochs), ("iter", iterations)):
            begin = hook.get(f"begin_{name}") or 0
            if length and begin > length:
                unit = "epochs" if name == "epoch" else "iterations"
                yield (
                    f"{key}.begin_{name}={begin}, and the training has {length} {unit}: begin "
                    "earlier, or leave the EMAHook out."
                )


def switched_off(run: Run) -> Iterator[str]:
    """Find hooks that are None and without which a run loses what nobody expects."""
    named = run.config.get("default_hooks") or {}
    listed: list[Any] = [*named.values(), *(run.config.get("custom_hooks") or ())]
    found = {hook.get("type") for hook in listed if isinstance(hook, Mapping)}
    for name, (kind, loss) in SWITCHED_OFF.items():
        off = name in named and named[name] is None and kind not in found
        if off and (name != "param_scheduler" or run.config.get("param_scheduler")):
            yield f"default_hooks.{name} is None: {loss}."


HOOK_ERRORS: Sequence[Callable[[Any], Iterator[str]]] = (
    averaged_twice,
    two_beginnings,
    late_average,
)

HOOK_WARNINGS: Sequence[Callable[[Any], Iterator[str]]] = (switched_off,)
