"""Find values of a config that are valid alone but contradict each other, before anything is built.

A check is a function that yields a sentence for every contradiction: what was given, what was
expected, what to do. `ERRORS` and `WARNINGS` list them; those of schedules are in
`schedule_checks`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, ParamSchedulerHook
from mmengine.optim import ReduceOnPlateauParamScheduler
from mmseg.registry import OPTIMIZERS, PARAM_SCHEDULERS

from ..errors import ConfigError
from ..utils import warn
from .data_checks import (
    cropped_evaluation,
    endless_epoch,
    endless_evaluation,
    no_samples,
    random_evaluation,
    shuffled_twice,
    unmeasured_images,
)
from .foreign import foreign_parts, unused_arguments
from .hook_checks import HOOK_ERRORS, HOOK_WARNINGS, late_average
from .planned_run import LENGTHS, PARTS, Run, is_kind, loop_of
from .schedule_checks import SCHEDULE_ERRORS, SCHEDULE_WARNINGS
from .schedules import make_plans


def check_contradictions(config: Config, training: bool) -> None:
    """Raise the first contradiction that cannot be meant, and warn of each that may be.

    Args:
        config: a config with the hooks of every run.
        training: whether the config is for a training; if not, its training is not looked at.

    Raises:
        ConfigError: values contradict each other.
    """
    values = config.to_dict()
    run = Run(values, loop_of(values))
    _report(ALWAYS, [run], _raise)
    if not training or run.config.get("train_cfg") is None:
        return
    _report(ERRORS, [run], _raise)
    iterations = run.length if run.epochs is None else None
    plans = [*make_plans(values, run.epochs, iterations)] if run.loop else []
    _report(SCHEDULE_ERRORS, plans, _raise)
    _report(WARNINGS, [run], warn)
    _report(SCHEDULE_WARNINGS, plans, warn)


def check_lengths(config: Config, epochs: int, per_epoch: int) -> None:
    """Check schedules and hooks that count iterations, once the iterations of an epoch are known.

    Raises:
        ConfigError: as `check_contradictions`.
    """
    values = config.to_dict()
    _report(
        [lambda run: late_average(run, epochs * per_epoch)], [Run(values, loop_of(values))], _raise
    )
    plans = [*make_plans(values, epochs, epochs * per_epoch)]
    _report(SCHEDULE_ERRORS, plans, _raise)
    _report(SCHEDULE_WARNINGS, plans, warn)


def _report(
    checks: Sequence[Callable[[Any], Iterator[str]]],
    subjects: Sequence[Any],
    report: Callable[[str], None],
) -> None:
    for check in checks:
        for subject in subjects:
            for text in check(subject):
                report(text)


def _raise(text: str) -> None:
    raise ConfigError(text)


# ---- Errors, also of a config that is only evaluated


def missing_parts(run: Run) -> Iterator[str]:
    """Find parts of a training, validation or test that lack the others."""
    for split, keys in PARTS.items():
        missing = [key for key in keys if run.config.get(key) is None]
        if 0 < len(missing) < len(keys):
            given = [key for key in keys if key not in missing]
            yield (
                f"The config has {' and '.join(given)}, but no {' or '.join(missing)}. Give all "
                f"three, or set all to None for a run without {split} data."
            )


# ---- Errors of a training


def length_of_loop(run: Run) -> Iterator[str]:
    """Find a training loop without a kind, or without exactly one length."""
    node = run.config["train_cfg"]
    if ("type" in node) == ("by_epoch" in node):
        yield (
            f"train_cfg={dict(node)}: expected either a type or by_epoch, for example "
            "train_cfg=dict(type='SeededTrainLoop', max_epochs=30)."
        )
    given = [name for name in LENGTHS.values() if name in node]
    if run.loop and given != [LENGTHS[run.loop]]:
        yield (
            f"train_cfg has {' and '.join(given) or 'no length'}: a training that counts "
            f"{run.unit} needs {LENGTHS[run.loop]} alone."
        )


def stepped_twice(run: Run) -> Iterator[str]:
    """Find schedules that two hooks would step."""
    keys = [*run.hooks(ParamSchedulerHook)]
    if len(keys) > 1:
        yield (
            f"{' and '.join(keys)} are both a ParamSchedulerHook, so every schedule would run at "
            "double speed: leave out one of them."
        )


def saved_twice(run: Run) -> Iterator[str]:
    """Find hooks that would write, and remove, the same checkpoints."""
    same = defaultdict(list)
    for key, hook in run.hooks(CheckpointHook).items():
        names = (hook.get("by_epoch", True), hook.get("out_dir"), hook.get("filename_tmpl"))
        same[names].append(key)
    for keys in same.values():
        if len(keys) > 1:
            yield (
                f"{' and '.join(keys)} write the same checkpoints: keep one of them, and change "
                "what it does with options such as default_hooks.checkpoint.interval."
            )


def no_checkpoint(run: Run) -> Iterator[str]:
    """Find trainings that end without a checkpoint, although one is asked for."""
    for key, hook in run.hooks(CheckpointHook).items():
        best = hook.get("save_best") and run.validates
        if not hook.get("save_last", True) and _saves_late(run, hook) and not best:
            yield (
                f"{key} {_saves(hook)} and not the last state, and the training has {run.length} "
                f"{run.unit}, so that nothing is saved: set interval=1, or save_last=True."
            )


def never_validated(run: Run) -> Iterator[str]:
    """Find a validation that would begin after the training."""
    begin = run.config["train_cfg"].get("val_begin", 1)
    if run.validates and run.length and begin > run.length:
        yield (
            f"train_cfg.val_begin={begin}, and the training has {run.length} {run.unit}: it is "
            "never validated. Begin earlier, or set val_dataloader, val_cfg and val_evaluator to "
            "None."
        )


def unseen_metric(run: Run) -> Iterator[str]:
    """Find what follows a metric of a training without validation."""
    schedules = run.config.get("param_scheduler") or []
    schedules = [schedules] if isinstance(schedules, Mapping) else schedules
    keys = [*run.hooks(EarlyStoppingHook)]
    for index, node in enumerate(schedules):
        if is_kind(PARAM_SCHEDULERS, node, ReduceOnPlateauParamScheduler):
            keys.append(f"param_scheduler.{index}")
    for key in keys if not run.validates else ():
        yield (
            f"{key} follows a metric, and the training is not validated: give val_dataloader, "
            "val_cfg and val_evaluator, or leave it out."
        )


def no_step(run: Run) -> Iterator[str]:
    """Find optimizers that cannot make a step of a training loop, by trying one."""
    node = run.config["optim_wrapper"].get("optimizer")
    if not isinstance(node, Mapping) or "type" not in node:
        return
    weights = torch.nn.Parameter(torch.ones(2, 2))
    weights.grad = torch.ones(2, 2)
    try:
        optimizer = OPTIMIZERS.build(dict(node, params=[weights]))
    except Exception:  # it is said with its place when the run builds it
        return
    try:
        optimizer.step()
    except Exception as error:
        yield (
            f"optim_wrapper.optimizer.type={node['type']!r} cannot train a network here: "
            f"{' '.join(str(error).split()).rstrip('.')}. Choose another, such as Adam or SGD."
        )


def no_decay(run: Run) -> Iterator[str]:
    """Find multiples of a weight decay that the optimizer does not name; mmengine needs it."""
    optimizer = run.config["optim_wrapper"].get("optimizer")
    multiples = run.config["optim_wrapper"].get("paramwise_cfg") or {}
    names = [name for name in multiples if name.endswith("_decay_mult")]
    if names and isinstance(optimizer, Mapping) and optimizer.get("weight_decay") is None:
        yield (
            f"optim_wrapper.paramwise_cfg has {', '.join(names)}, a multiple of a weight decay, "
            "and the optimizer has none: set optim_wrapper.optimizer.weight_decay (0 for none), or "
            "leave it out."
        )


# ---- Warnings


def nothing_saved(run: Run) -> Iterator[str]:
    """Find trainings without checkpoints."""
    if not run.hooks(CheckpointHook):
        yield (
            "default_hooks.checkpoint is None: no checkpoint is saved, so the trained weights are "
            "lost with the run."
        )


def saved_at_the_end(run: Run) -> Iterator[str]:
    """Find trainings of which only the last state is saved."""
    for key, hook in run.hooks(CheckpointHook).items():
        if hook.get("save_last", True) and (run.length or 0) > 1 and _saves_late(run, hook):
            yield (
                f"{key} {_saves(hook)}, and the training has {run.length} {run.unit}: there is a "
                "checkpoint at the end alone, and a run that is killed begins anew. Set a smaller "
                f"interval, with by_epoch={run.unit == 'epochs'}."
            )


def validated_too_often(run: Run) -> Iterator[str]:
    """Find trainings by iterations that inherit a validation after every one."""
    interval = run.config["train_cfg"].get("val_interval", 1000)
    if run.validates and run.length and run.unit == "iterations" and interval == 1:
        yield (
            "train_cfg.val_interval=1 validates after every iteration, because the training counts "
            "iterations: set a larger one."
        )


def logged_by_epoch(run: Run) -> Iterator[str]:
    """Find trainings by iterations whose log would count them within an epoch that has fewer."""
    log = run.config.get("log_processor") or {}
    if run.length and run.unit == "iterations" and log.get("by_epoch", True):
        yield (
            "log_processor.by_epoch=True, and the training counts iterations, so its log would say "
            "'Epoch(train) [1][600/200]': set log_processor.by_epoch=False and "
            "default_hooks.logger.log_metric_by_epoch=False."
        )


def best_of_nothing(run: Run) -> Iterator[str]:
    """Find a `save_best` of a training without validation."""
    for key, hook in run.hooks(CheckpointHook).items():
        if hook.get("save_best") and not run.validates:
            yield (
                f"{key}.save_best={hook['save_best']!r}, but the training is not validated, so no "
                "best checkpoint is saved: give val_dataloader, val_cfg and val_evaluator, or set "
                "save_best=None."
            )


def no_rate(run: Run) -> Iterator[str]:
    """Find an optimizer whose learning rate is 0."""
    optimizer = run.config["optim_wrapper"].get("optimizer")
    if isinstance(optimizer, Mapping) and optimizer.get("lr") == 0:
        yield "optim_wrapper.optimizer.lr=0: nothing is learned. Set a learning rate above 0."


def listed_twice(run: Run) -> Iterator[str]:
    """Find hooks of `custom_hooks` that `default_hooks` has already."""
    named = {
        hook["type"]: name
        for name, hook in (run.config.get("default_hooks") or {}).items()
        if isinstance(hook, Mapping) and "type" in hook
    }
    for index, hook in enumerate(run.config.get("custom_hooks") or ()):
        name = named.get(hook.get("type")) if isinstance(hook, Mapping) else None
        if name is not None:
            yield (
                f"custom_hooks.{index} is a {hook['type']}, as default_hooks.{name} is, so both "
                f"run: leave it out, and set its arguments in default_hooks.{name}."
            )


def _saves(hook: Mapping[str, Any]) -> str:
    interval = hook.get("interval", -1)
    return f"saves every {interval} {_counted(hook)}" if interval > 0 else "has no interval"


def _counts(run: Run, hook: Mapping[str, Any]) -> bool:
    """Return whether a hook counts what the training counts."""
    return _counted(hook) == run.unit


def _counted(hook: Mapping[str, Any]) -> str:
    return "epochs" if hook.get("by_epoch", True) else "iterations"


def _saves_late(run: Run, hook: Mapping[str, Any]) -> bool:
    """Return whether a hook saves nothing before the end of the training.

    For mmengine a training that counts iterations is one epoch.
    """
    if run.length is None or (run.epochs and not _counts(run, hook)):
        return hook.get("interval", -1) <= 0
    interval = hook.get("interval", -1)
    return interval <= 0 or interval > run.length or not _counts(run, hook)


Check = Callable[[Run], Iterator[str]]

ALWAYS: Sequence[Check] = (
    missing_parts,
    foreign_parts,
    endless_evaluation,
    no_samples,
    cropped_evaluation,
)

ERRORS: Sequence[Check] = (
    length_of_loop,
    shuffled_twice,
    endless_epoch,
    stepped_twice,
    saved_twice,
    no_checkpoint,
    never_validated,
    unseen_metric,
    *HOOK_ERRORS,
    no_step,
    no_decay,
)

WARNINGS: Sequence[Check] = (
    nothing_saved,
    saved_at_the_end,
    validated_too_often,
    logged_by_epoch,
    best_of_nothing,
    unmeasured_images,
    random_evaluation,
    no_rate,
    listed_twice,
    unused_arguments,
    *HOOK_WARNINGS,
)
