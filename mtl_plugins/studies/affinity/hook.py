"""Measure, during a training, which tasks help and hurt each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...errors import ConfigError
from ...utils import ProgressLine, unwrapped
from .measurement import STEP, Measurement, measure_affinity
from .report import write_report

PER_EPOCH = 50
"""Measurements in an epoch, unless their distance is given."""


@HOOKS.register_module()
class AffinityHook(Hook):
    """Measure which tasks help and hurt each other, every n-th iteration of a training.

    The measurements are those of `measure_affinity`; the training is bit for bit the one without
    them. At its end, also at an early one, the work dir gets `affinity.csv`, `affinity.json` and
    `affinity.png`, and the terminal a table. `tools/affinity.py` adds the hook.

    Args:
        every: iterations between two measurements; one takes about as long as 2 + n training steps
            with n tasks. None: as many as give about 50 measurements in an epoch.
        step: length of a step, relative to that of the shared weights.
        one_epoch: end the training after as many iterations as the data has batches, and show the
            progress until there.

    Raises:
        ConfigError: an argument is not above 0; or, when the training begins, it has one task,
            shares nothing between its tasks, or runs in several processes.
    """

    def __init__(
        self, every: int | None = None, step: float = STEP, one_epoch: bool = False
    ) -> None:
        if (every is not None and every < 1) or not 0 < step < 1:
            raise ConfigError(
                f"AffinityHook: every={every}, step={step}; expected every >= 1 and a step "
                "between 0 and 1."
            )
        self.every = every or 1
        self.spread = every is None
        self.step = step
        self.one_epoch = one_epoch
        self.tasks: tuple[str, ...] = ()
        self.measurements: list[Measurement] = []
        self.line: ProgressLine | None = None

    def before_train(self, runner: Runner) -> None:
        """Find the tasks."""
        balancer = getattr(unwrapped(runner.model), "balancer", None)
        self.tasks = getattr(balancer, "tasks", ())
        check_tasks(self.tasks)
        if get_world_size() > 1:
            raise ConfigError(
                "Which tasks help each other is measured in one process. Start one, on one GPU."
            )
        batches = len(runner.train_dataloader)
        if self.spread:
            self.every = max(batches // PER_EPOCH, 1)
        if self.one_epoch:
            self.line = ProgressLine("training with measurements", batches).__enter__()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None
    ) -> None:
        """Measure before the step."""
        if runner.iter % self.every == 0 and data_batch is not None:
            model = unwrapped(runner.model)
            self.measurements.append(measure_affinity(model, data_batch, self.step, runner.iter))

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """End the training after its first epoch."""
        if self.line:
            self.line.update(runner.iter + 1)
            if runner.iter + 1 >= len(runner.train_dataloader):
                runner.train_loop.stop_training = True

    def after_stop(self, runner: Runner) -> None:
        """Write and print the report."""
        if self.line:
            self.line.__exit__()
        if self.measurements:
            write_report(self.tasks, self.measurements, runner.work_dir)


def check_tasks(tasks: Sequence[str]) -> None:
    """Raise a ConfigError if there are fewer than two tasks."""
    if len(tasks) < 2:
        raise ConfigError(
            f"The config has the tasks {list(tasks)}; two or more are needed to see which of them "
            "help each other. Add the ones that you think of adding."
        )
