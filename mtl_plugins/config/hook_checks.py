"""Contradictions between the hooks of a config, and what a hook that is switched off costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.hooks import EMAHook

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
