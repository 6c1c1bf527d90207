"""Contradictions between the schedules of a config and its training.

What a config writes into a schedule (`end`, `T_max`, `total_steps`, `periods`, `milestones`) may
contradict `train_cfg`; mmengine then trains on with whatever learning rate is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mmengine.optim.scheduler import (
    CosineAnnealingParamScheduler,
    LinearParamScheduler,
    MultiStepParamScheduler,
    OneCycleParamScheduler,
    PolyParamScheduler,
    ReduceOnPlateauParamScheduler,
    StepParamScheduler,
)
from mmengine.optim.scheduler.param_scheduler import CosineRestartParamScheduler

from .schedules import SHAPED, Plan, Rest, Schedule

OVERWRITING = (CosineRestartParamScheduler, OneCycleParamScheduler)
"""Schedules that set the rate; all others multiply what is there."""


def no_number(plan: Plan) -> Iterator[str]:
    """Find lengths that are no numbers."""
    for each in plan.judged:
        for name in ("begin", "end", "T_max", "total_steps"):
            value = each.node.get(name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, (int, float))
            ):
                yield f"{each.name} has {name}={value!r}; expected a number of {each.unit}."


def counts_epochs(plan: Plan) -> Iterator[str]:
    """Find schedules by epochs in a training by iterations, which is one epoch for mmengine."""
    for each in plan.judged:
        follows_metric = issubclass(each.kind, ReduceOnPlateauParamScheduler)
        if plan.epochs is None and each.by_epoch and not follows_metric:
            yield (
                f"{each.name} counts epochs (by_epoch=True), and the training counts iterations: "
                "set by_epoch=False, and begin and end in iterations if you give them."
            )


def converts_iterations(plan: Plan) -> Iterator[str]:
    """Find schedules that are by iterations already."""
    for each in plan.judged:
        if not each.by_epoch and each.node.get("convert_to_iter_based"):
            yield (
                f"{each.name} has by_epoch=False and convert_to_iter_based=True, which converts "
                "epochs: leave one of them out."
            )


def empty_range(plan: Plan) -> Iterator[str]:
    """Find schedules that end before they begin."""
    for each in plan.judged:
        if each.steps is not None and each.steps <= 0:
            yield (
                f"{each.name} begins at {each.begin} and ends at {each.end} {each.unit}; expected "
                "an end after its beginning, and none for the end of the training."
            )


def overrun_cycle(plan: Plan) -> Iterator[str]:
    """Find a one-cycle schedule that mmengine would stop with an error."""
    for each in plan.judged:
        cycle = issubclass(each.kind, OneCycleParamScheduler) and each.inner
        if cycle and each.steps and cycle[1] < each.steps:
            yield (
                f"{each.name} has total_steps={cycle[1]} for {each.steps} {each.unit}, and would "
                "fail after them: leave total_steps out, and it follows the training."
            )


def refused(plan: Plan) -> Iterator[str]:
    """Find arguments that mmengine refuses."""
    for each in plan.of_rate:
        try:
            plan.built(each)
        except (ValueError, TypeError, AssertionError, KeyError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            yield f"{each.name} cannot be built with these arguments: {reason.rstrip('.')}."


def zero_rate(plan: Plan) -> Iterator[str]:
    """Find learning rates that are 0 before the last epoch."""
    rest = plan.rest
    if rest and not rest.rate and not _only_last_epoch(plan):
        yield f"{_ends(plan, rest)} At 0 nothing is learned."


def last_epoch_lost(plan: Plan) -> Iterator[str]:
    """Find learning rates that are 0 in the whole last epoch."""
    rest = plan.rest
    if rest and not rest.rate and _only_last_epoch(plan):
        yield (
            f"{rest.schedule.name}: the learning rate of the whole last epoch is 0. Add "
            "convert_to_iter_based=True, and it falls with every iteration."
        )


def constant_rate(plan: Plan) -> Iterator[str]:
    """Find schedules that leave a lowered rate for the rest of the training."""
    if plan.rest and plan.rest.rate:
        yield _ends(plan, plan.rest)


def _only_last_epoch(plan: Plan) -> bool:
    return plan.rest is not None and plan.rest.first + 1 == plan.epochs


def _ends(plan: Plan, rest: Rest) -> str:
    found = rest.schedule
    name, length = found.inner or ("end", found.end)
    remedy = "set it" if name == "periods" else f"leave {name} out"
    return (
        f"{found.name} ends with {name}={length} {found.unit}: from {plan.unit} "
        f"{rest.first + 1} of {plan.length} on the learning rate stays at {rest.rate:.3g}. "
        f"To follow the training, {remedy}; or set train_cfg to its length."
    )


def never_ends(plan: Plan) -> Iterator[str]:
    """Find schedules of which the training sees only the beginning."""
    for each in plan.judged:
        if each.total is None or each.begin >= each.total:
            continue
        left = each.total - each.begin
        length, name = each.steps or 0, "end"
        if each.inner:
            name, length = each.inner
        if length > left and (each.inner or issubclass(each.kind, SHAPED)):
            remedy = "" if name == "periods" else f" Leave {name} out, and it follows the training."
            yield (
                f"{each.name} lasts {length} {each.unit} ({name}), and the training has {left} "
                f"from there: it never reaches its last value.{remedy}"
            )


def begins_late(plan: Plan) -> Iterator[str]:
    """Find schedules that begin after the training."""
    for each in plan.judged:
        if each.total is not None and each.begin >= each.total and (each.steps or 0) > 0:
            yield (
                f"{each.name} begins at {each.begin} {each.unit}, and the training has "
                f"{each.total}: it does nothing."
            )


def rises_again(plan: Plan) -> Iterator[str]:
    """Find cosines that are shorter than their range, after which mmengine's goes up again."""
    for each in plan.judged:
        cosine = issubclass(each.kind, CosineAnnealingParamScheduler)
        if cosine and each.inner and each.steps and each.inner[1] < each.steps:
            yield (
                f"{each.name} has T_max={each.inner[1]} in a range of {each.steps} {each.unit}: "
                f"after {each.inner[1]} the learning rate rises again. Leave T_max out, and it "
                "follows the training."
            )


def unreached_steps(plan: Plan) -> Iterator[str]:
    """Find steps of a staircase that come after the training."""
    for each in plan.judged:
        if each.total is None:
            continue
        left = each.total - each.begin
        if issubclass(each.kind, MultiStepParamScheduler):
            late = [step for step in each.node.get("milestones") or () if step >= left]
            if late:
                yield (
                    f"{each.name} has the milestones {late}, and the training has only {left} "
                    f"{each.unit}: the rate does not fall there."
                )
        elif issubclass(each.kind, StepParamScheduler):
            size = each.node.get("step_size")
            if isinstance(size, int) and size >= left:
                yield (
                    f"{each.name} has step_size={size}, and the training has only {left} "
                    f"{each.unit}: the rate never falls."
                )


def epochs_for_iterations(plan: Plan) -> Iterator[str]:
    """Find ends that look like epochs in a schedule that counts iterations."""
    for each in plan.of_rate:
        lowers = issubclass(each.kind, (PolyParamScheduler, CosineAnnealingParamScheduler))
        if plan.epochs and plan.iterations is None and not each.by_epoch and lowers:
            end = each.node.get("end")
            if end is not None and end <= plan.epochs:
                yield (
                    f"{each.name} ends after {end} iterations (by_epoch=False) of a training of "
                    f"{plan.epochs} epochs. For epochs set by_epoch=True and "
                    "convert_to_iter_based=True, or leave end out."
                )


def overlaps(plan: Plan) -> Iterator[str]:
    """Find schedules that change the rate at the same time and were not meant to."""
    rates = [each for each in plan.of_rate if each.judged]
    for index, first in enumerate(rates):
        for second in rates[index + 1 :]:
            if not _overlap(first, second):
                continue
            setter = next((s for s in (first, second) if issubclass(s.kind, OVERWRITING)), None)
            if setter is not None:
                other = second if setter is first else first
                yield (
                    f"{setter.name} sets the learning rate itself, whatever {other.name} does at "
                    "the same time: give them different begin and end, or leave one out."
                )
            elif first.kind is second.kind and not issubclass(first.kind, LinearParamScheduler):
                yield (
                    f"{first.name} and {second.name} act at the same time, so the rate falls "
                    "twice: give them different begin and end, or leave one out."
                )


def _overlap(first: Schedule, second: Schedule) -> bool:
    """Return whether two schedules of one unit act at the same time."""
    if first.by_epoch != second.by_epoch:
        return first.begin == second.begin
    ends = [each.end if each.end is not None else float("inf") for each in (first, second)]
    return max(first.begin, second.begin) < min(ends)


Check = Callable[[Plan], Iterator[str]]

SCHEDULE_ERRORS: Sequence[Check] = (
    no_number,
    counts_epochs,
    converts_iterations,
    empty_range,
    overrun_cycle,
    refused,
    zero_rate,  # needs what those before refuse
)

SCHEDULE_WARNINGS: Sequence[Check] = (
    last_epoch_lost,
    constant_rate,
    never_ends,
    begins_late,
    rises_again,
    unreached_steps,
    epochs_for_iterations,
    overlaps,
)
