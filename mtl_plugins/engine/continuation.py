"""Resume a run whose config, number of processes or batch size has changed since its checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapperDict
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.runner import Runner
from torch import Tensor

from ..utils import warn
from .train_loop import POSITION, SeededTrainLoop

PROGRESS = {
    "last_step", "_global_step", "_last_value", "verbose",
    "best", "num_bad_epochs", "cooldown_counter",
}  # fmt: skip
"""What changes in a schedule while it runs; all else follows from the config."""

DERIVED = {"total_iters", "base_values", "cumulative_periods", "_schedule_phases"}
"""What a schedule computes from other values, so that a message need not name it."""

IMPLEMENTATION = {"fused", "foreach", "capturable", "differentiable"}
"""Numbers of an optimizer that do not change what it computes."""

SHOWN = 6
"""Differences that a message names at most."""

Group = dict[str, Any]


class Continuation:
    """Make a resumed run do what its config says, and say what that changes.

    A checkpoint holds the learning rate, the weight decay and all other numbers of the optimizer
    and of the schedules, and mmengine uses these even if the config has others by now. Here the
    config wins: the optimizer keeps its averages but gets the config's numbers, and schedules that
    have changed, or whose steps have another size, are moved to where they would be in a run that
    always had them. Nothing is touched if nothing has changed.

    Created before the checkpoint is loaded, this keeps the state that config and present number of
    processes give (with `auto_scale_lr`).

    Args:
        runner: runner whose optimizer and schedules are built.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.schedules = _schedules(runner)
        self.planned = {
            name: [dict(group) for group in wrapper.param_groups]
            for name, wrapper in _wrappers(runner).items()
        }
        self.differences: list[str] = []
        self.moved = False
        self.step_before: int | None = None

    def adopt(self, checkpoint: dict[str, Any]) -> None:
        """Put the config's numbers into a checkpoint, from which mmengine then resumes."""
        loop = self.runner.train_loop
        if isinstance(loop, SeededTrainLoop):
            position = checkpoint["message_hub"].get("runtime_info", {}).get(POSITION, {})
            before = position.get("step", loop.images_per_step)
            if before != loop.images_per_step:
                self.step_before, self.moved = before, True
        self._compare_schedules(checkpoint.get("param_schedulers") or [])
        pairs = self._pairs(checkpoint.get("optimizer") or {})
        if pairs is None:
            self.differences.append("another optimizer or other groups (its averages begin anew)")
            self.moved = True
            del checkpoint["optimizer"]
        for theirs, ours in pairs or ():
            self._compare_groups(theirs, ours)
        for theirs, ours in pairs or ():
            kept = {"params"} if self.moved else {"params", *self._scheduled(ours)}
            for key in {*theirs} - {*ours} if self.moved else ():
                del theirs[key]
            theirs.update({key: value for key, value in ours.items() if key not in kept})
        if self.moved:
            checkpoint.pop("param_schedulers", None)  # mmengine then keeps those of the config

    def _pairs(self, stored: Mapping[str, Any]) -> list[tuple[Group, Group]] | None:
        """Pair the groups of a stored state with the planned ones; None if they do not fit."""
        states = {"": stored} if [*self.planned] == [""] else stored
        pairs: list[tuple[Group, Group]] = []
        for name, planned in self.planned.items():
            state = states.get(name, {})
            theirs = [*state.get("param_groups", ())]
            if state.get("base_param_settings"):
                theirs.append(state["base_param_settings"])
            if len(theirs) != len(planned):
                return None
            pairs += zip(theirs, planned, strict=True)
        return pairs if all(_fits(*pair) for pair in pairs) else None

    def follow(self, checkpoint: str) -> None:
        """Move the schedules to the position of the loaded run, and log what has changed."""
        loop = self.runner.train_loop
        if isinstance(loop, SeededTrainLoop):
            loop.restore()
        if self.moved:
            self._replay()
        if self.step_before is not None:
            self._log_steps()
        if self.differences:
            self._log_differences(checkpoint)
        for done, name in ((loop.epoch, "max_epochs"), (loop.iter, "max_iters")):
            wanted = self.runner.cfg.get("train_cfg", {}).get(name)
            if wanted is not None and done > wanted:
                warn(
                    f"{checkpoint} has trained {done} {name.removeprefix('max_')}, and train_cfg."
                    f"{name}={wanted}: nothing is left to train. Set a larger {name}."
                )

    def _compare_schedules(self, stored: Any) -> None:
        lists = stored.values() if isinstance(stored, Mapping) else [stored]
        theirs = [dict(state) for states in lists for state in states]
        if len(theirs) != len(self.schedules):
            self.differences.append(f"{len(theirs)} -> {len(self.schedules)} schedules")
        for index, (each, state) in enumerate(zip(self.schedules, theirs, strict=False)):
            old, new = _numbers(state), _numbers(each.state_dict())
            place = f"param_scheduler.{index}"
            if old.keys() != new.keys():
                self.differences.append(f"{place} (a {type(each).__name__} now)")
            else:
                self._note(place, old, new, DERIVED)
        self.moved = self.moved or bool(self.differences)

    def _compare_groups(self, theirs: Group, ours: Group) -> None:
        """Compare the numbers of a group, scheduled ones by the values where schedules begin."""
        scheduled = self._scheduled(ours)
        plain = {key: value for key, value in ours.items() if key not in {"params", *scheduled}}
        old = {key: theirs[key] for key in plain if key in theirs}
        self._note("optimizer", old, {key: plain[key] for key in old}, IMPLEMENTATION)
        names = {name.removeprefix("initial_") for name in scheduled} & {*ours, *theirs}
        before = len(self.differences)
        old, new = (
            {name: group.get(f"initial_{name}", group.get(name)) for name in names}
            for group in (theirs, ours)
        )
        self._note("optimizer", old, new, set())
        self.moved = self.moved or len(self.differences) > before

    def _note(self, place: str, old: Group, new: Group, hidden: set[str]) -> None:
        for key in sorted(old):
            if key not in hidden and _comparable(old[key]) != _comparable(new[key]):
                text = f"{place}.{key} {_shown(old[key])} -> {_shown(new[key])}"
                if text not in self.differences:
                    self.differences.append(text)

    def _scheduled(self, group: Group) -> set[str]:
        """Return the keys of a group that schedules change, or start from."""
        names = {"lr", *(each.param_name for each in self.schedules)}
        if "momentum" in names and "betas" in group:
            names.add("betas")  # mmengine's schedules of the momentum change Adam's first beta
        return names | {f"initial_{name}" for name in names}

    def _replay(self) -> None:
        """Take the steps of the loaded run with the schedules, which are at their beginning."""
        loop = self.runner.train_loop
        length = len(loop.dataloader)
        steps = loop.iter
        if isinstance(loop, SeededTrainLoop):
            steps = loop.epoch * length + loop.finished
        # Schedules that follow a metric start again.
        schedules = [each for each in self.schedules if not hasattr(each, "need_val_args")]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected call of `scheduler.step")
            for step in range(1, steps + 1):
                for each in schedules:
                    if not each.by_epoch:
                        each.step()
                if step % length == 0 and step // length <= loop.epoch:
                    for each in schedules:
                        if each.by_epoch:
                            each.step()

    def _log_differences(self, checkpoint: str) -> None:
        shown = self.differences[:SHOWN]
        if len(self.differences) > SHOWN:
            shown.append(f"{len(self.differences) - SHOWN} more")
        warn(
            f"{checkpoint} was trained with other settings: {'; '.join(shown)} (checkpoint -> "
            "config). The config's are used from here on, and the learning rate is "
            f"{self._rate():.3g}, as in a run that always had them."
        )

    def _log_steps(self) -> None:
        scaled = (self.runner.auto_scale_lr or {}).get("enable", False)
        advice = "auto_scale_lr has scaled it to these steps."
        if not scaled:
            advice = (
                "It is the config's, which may not suit these steps: set optim_wrapper.optimizer.lr"
                ", or auto_scale_lr.enable=True and auto_scale_lr.base_batch_size="
                f"{self.step_before}."
            )
        loop: Any = self.runner.train_loop
        warn(
            f"The run goes on with {loop.images_per_step} images a step ({get_world_size()} "
            f"processes); it had {self.step_before}. It continues at the next image of its epoch, "
            "and its schedules as in a run that always had such steps: the learning rate is "
            f"{self._rate():.3g}. {advice}"
        )

    def _rate(self) -> float:
        wrapper = next(iter(_wrappers(self.runner).values()))
        return float(wrapper.param_groups[0]["lr"])


def take_trained_weights(checkpoint: dict[str, Any], name: str) -> None:
    """Put the trained weights back into the checkpoint of a run with an `EMAHook`, in place.

    It holds the averaged weights as the model's. A run without the hook trains on, and must do so
    with the weights that the optimizer's state belongs to.
    """
    average = checkpoint.pop("ema_state_dict", None)
    if average is None:
        return
    prefix = "module."
    trained = {k.removeprefix(prefix): v for k, v in average.items() if k.startswith(prefix)}
    checkpoint["state_dict"].update(trained)
    warn(
        f"{name} holds averages of an EMAHook, which the config does not have: the run goes on "
        "without them, from the weights that were averaged."
    )


def _fits(theirs: Group, ours: Group) -> bool:
    """Return whether two groups have as many parameters, and are of one optimizer.

    Another version of torch may have added a key.
    """
    old, new = (
        {key for key in group if not key.startswith(("initial_", "max_", "min_"))}
        for group in (theirs, ours)
    )
    return len(theirs["params"]) == len(ours["params"]) and (old <= new or new <= old)


def _numbers(state: Mapping[str, Any]) -> Group:
    """Return the part of a schedule's state that follows from the config."""
    return {k: v for k, v in state.items() if k not in PROGRESS and not callable(v)}


def _comparable(value: Any) -> Any:
    """Return a value that equals another one if they mean the same, list or tuple, saved or not."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _comparable(part) for key, part in value.items()}
    return [_comparable(part) for part in value] if isinstance(value, (list, tuple)) else value


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(_comparable(value))


def _schedules(runner: Runner) -> list[_ParamScheduler]:
    schedules: Any = runner.param_schedulers or []
    lists = schedules.values() if isinstance(schedules, dict) else [schedules]
    return [each for schedules in lists for each in schedules]


def _wrappers(runner: Runner) -> dict[str, Any]:
    wrapper: Any = runner.optim_wrapper
    return dict(wrapper.items()) if isinstance(wrapper, OptimWrapperDict) else {"": wrapper}
