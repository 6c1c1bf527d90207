"""What follows where a run goes on with another number of processes or another batch size."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from mmengine.dist import get_world_size
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.runner import Runner

from .train_loop import SeededTrainLoop


class BatchChange:
    """Lets the schedules of a run go on where its epochs are, though its steps have changed size.

    A checkpoint holds how many steps a schedule has taken and how many it takes in all; with other
    steps it would end too early, or never. Made before a checkpoint is loaded, this remembers the
    schedules as the config and the present number of processes have them, learning rate included
    (`auto_scale_lr`).

    Args:
        runner: whose optimizer and schedules are built.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.schedules = [(each, dict(each.state_dict())) for each in _schedules(runner)]
        self.groups = [dict(group) for group in _groups(runner)]

    def follow(self) -> None:
        """Take the schedules to where the loaded run is, and say so, if its steps have changed."""
        loop = self.runner.train_loop
        if not isinstance(loop, SeededTrainLoop):
            return
        before, now = loop.restore(), loop.images_per_step
        if before is None or before == now:
            return
        names = {"lr", *(each.param_name for each, _ in self.schedules)}
        names |= {f"initial_{name}" for name in names}
        for group, planned in zip(_groups(self.runner), self.groups, strict=True):
            group.update({key: value for key, value in planned.items() if key in names})
        for each, state in self.schedules:
            each.load_state_dict(state)
        self._replay(loop.epoch, len(loop.dataloader), loop.finished)
        self._tell(before, now)

    def _replay(self, epochs: int, length: int, steps: int) -> None:
        # One that follows a metric begins anew.
        schedules = [each for each, _ in self.schedules if not hasattr(each, "need_val_args")]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected call of `scheduler.step")
            for step in range(1, epochs * length + steps + 1):
                for each in schedules:
                    if not each.by_epoch or step % length == 0:
                        each.step()

    def _tell(self, before: int, now: int) -> None:
        rate = _groups(self.runner)[0]["lr"]
        scaled = (self.runner.auto_scale_lr or {}).get("enable", False)
        advice = "auto_scale_lr has scaled it to these steps."
        if not scaled:
            advice = (
                "It is the config's, which may not suit these steps: set optim_wrapper.optimizer.lr"
                f", or auto_scale_lr.enable=True and auto_scale_lr.base_batch_size={before}."
            )
        print_log(
            f"The run goes on with {now} images a step ({get_world_size()} processes); it had "
            f"{before}. It continues at the next image of its epoch, and the schedules are where "
            f"they are in a run with such steps: the learning rate is {rate:.3g}. {advice}",
            logger="current",
            level=logging.WARNING,
        )


def _schedules(runner: Runner) -> list[_ParamScheduler]:
    schedules: Any = runner.param_schedulers or []
    lists = schedules.values() if isinstance(schedules, dict) else [schedules]
    return [each for schedules in lists for each in schedules]


def _groups(runner: Runner) -> list[dict[str, Any]]:
    wrapper = runner.optim_wrapper
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return [group for each in wrappers for group in each.optimizer.param_groups]
