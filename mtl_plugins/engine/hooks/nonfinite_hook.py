"""What happens to steps whose losses or gradients are not finite."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce, barrier
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import HOOKS
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from ...errors import ConfigError, MTLError
from ...utils import unwrapped
from ..distributed.sharded_model import local_part
from .buffer_snapshot import BufferSnapshot
from .late_flag import LateFlag

INSPECTION = "nonfinite.pt"
"""The file for inspection; no `.pth`, for no run shall go on from it unasked."""


class NonFiniteError(MTLError, ArithmeticError):
    """Losses or gradients were NaN or infinite too many times in a row."""


@dataclass
class _Step:
    """What is known of a step of the optimizer, of one batch or of several accumulated ones."""

    iteration: int = 0
    names: list[str] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    batches: list[Mapping[str, Any]] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Return the images' paths."""
        samples = [sample for batch in self.batches for sample in batch.get("data_samples") or ()]
        return [str(sample.metainfo.get("img_path")) for sample in samples]

    def not_finite(self) -> list[str]:
        """Return the losses that are not finite; waits for their device."""
        values = torch.stack(self.losses).tolist() if self.losses else []
        pairs = zip(self.names, values, strict=True)
        return [f"{name} = {value}" for name, value in pairs if not math.isfinite(value)]


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Skip steps whose losses or gradients are NaN or infinite, and stop if they do not end.

    A skipped step leaves parameters, the optimizer's state and the model's buffers (running
    statistics, balancers' histories) as they were. The images' files, and which loss of which
    task was not finite, or whose gradients, are reported. After `limit` such steps in a row the
    training stops; `nonfinite.pt` in the work dir then holds the state before them and the last
    batch, and loads with `load_checkpoint`. `--detect-anomaly` finds the operation.

    On several processes all skip alike. float16's gradient scaler goes on to skip steps whose
    scaled gradients overflow; of those only losses that are not finite count here.

    Cost: one look at all gradients and a copy of the buffers a step. A fused optimizer
    (`optimizer=dict(fused=True)`, what the commands set on GPUs where it exists) decides on the
    device, and the report comes one step later, so nobody waits; any other waits for the device
    once a step.

    Args:
        limit: the number of steps in a row at which the training stops, 1 or more.

    Raises:
        ConfigError: `limit` is not positive.
        NonFiniteError: `limit` steps in a row were not finite.

    In a config: `custom_hooks = [dict(type='NonFiniteHook', limit=10)]`.
    """

    # Behind the schedulers, so that what is saved for inspection is a state to go on from.
    priority = "VERY_LOW"

    def __init__(self, limit: int = 10) -> None:
        if limit < 1:
            raise ConfigError(f"NonFiniteHook: limit={limit}; expected 1 or more.")
        self.limit = limit
        self.in_a_row = 0
        self._flag = LateFlag()
        self._handles: list[Any] = []
        self._inspected: _Step | None = None
        self._forget()

    def before_train(self, runner: Runner) -> None:
        """Look at what the model returns and at what the optimizer gets."""
        self._model = unwrapped(runner.model)
        self._ranks = runner.world_size
        self._handles = [
            self._model.register_forward_pre_hook(self._before_forward, with_kwargs=True),
            self._model.register_forward_hook(self._after_forward, with_kwargs=True),
            runner.optim_wrapper.optimizer.register_step_pre_hook(self._before_step),
            runner.optim_wrapper.optimizer.register_step_post_hook(self._after_step),
        ]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Remember which images a step is about."""
        self._step.iteration = runner.iter + 1
        self._step.batches.append(data_batch)

    def after_train_iter(self, runner: Runner, batch_idx: int, *_: Any, **__: Any) -> None:
        """Report the steps that are known to have been skipped."""
        if not runner.optim_wrapper.should_update():
            return  # the losses of further batches are added
        step, skipped = self._step, self._skipped
        if skipped is None:  # a gradient scaler has decided
            skipped = self._agreed(torch.tensor(False) if self._bad is None else self._bad)
            if self._snapshot is not None:
                self._snapshot.put_back(skipped)
        self._forget()
        self._account(runner, self._flag(skipped, step))

    def after_train_epoch(self, runner: Runner) -> None:
        """Report the last step, too."""
        self._account(runner, self._flag.drain())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the batch to what is saved for inspection."""
        if self._inspected is not None:
            batches = self._inspected.batches
            checkpoint["batch"] = dict(
                img_path=self._inspected.paths(),
                inputs=[image for batch in batches for image in batch["inputs"]],
                targets=[_maps(sample) for batch in batches for sample in batch["data_samples"]],
                not_finite=self._inspected.not_finite(),
            )

    def after_stop(self, runner: Runner) -> None:
        """Look no longer."""
        for handle in self._handles:
            handle.remove()

    def _forget(self) -> None:
        self._step = _Step()
        self._bad: Tensor | None = None
        self._skipped: Tensor | None = None
        self._snapshot: BufferSnapshot | None = None

    def _before_forward(self, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if kwargs.get("mode") == "loss" and self._snapshot is None:
            self._snapshot = BufferSnapshot(model)

    def _after_forward(
        self, model: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> None:
        if kwargs.get("mode") != "loss" or not torch.is_grad_enabled():
            return
        losses = {name: value for name, value in output.items() if isinstance(value, Tensor)}
        values = [value.detach().float().sum() for value in losses.values()]
        self._step.names += losses
        self._step.losses += values
        bad = ~torch.stack(values).isfinite().all()
        self._bad = bad if self._bad is None else self._bad | bad

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if hasattr(optimizer, "found_inf"):
            return  # a gradient scaler has decided
        gradients = [local_part(p.grad) for p in self._parameters(optimizer) if p.grad is not None]
        # The largest one would do, but is many times as slow on CPUs; a norm beyond 1e19, which
        # overflows, is no step to take either.
        bad = ~get_total_norm(gradients).isfinite()
        self._skipped = bad = self._agreed(bad if self._bad is None else self._bad | bad)
        if all(group.get("fused") for group in optimizer.param_groups):
            setattr(optimizer, "found_inf", bad.float())  # noqa: B010 (torch looks for it)
        elif bad:
            self._step.parameters = [
                name
                for name, parameter in self._model.named_parameters()
                if parameter.grad is not None and not parameter.grad.isfinite().all()
            ]
            for parameter in self._parameters(optimizer):
                parameter.grad = None  # what an optimizer passes over
        else:
            return
        if self._snapshot is not None:
            self._snapshot.put_back(bad)

    def _after_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if self._skipped is not None and hasattr(optimizer, "found_inf"):
            del optimizer.found_inf

    def _parameters(self, optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
        groups = optimizer.param_groups
        return [p for group in groups for p in group["params"] if p.grad is not None]

    def _agreed(self, bad: Tensor) -> Tensor:
        """Return whether it is so on any process."""
        if self._ranks == 1:
            return bad
        flag = bad.float()
        all_reduce(flag, "max")
        return flag > 0

    def _account(self, runner: Runner, steps: list[tuple[bool, _Step]]) -> None:
        for skipped, step in steps:
            self.in_a_row = self.in_a_row + 1 if skipped else 0
            if skipped:
                text = self._report(step)
                print_log(
                    f"{text} The step was skipped, {self.in_a_row} in a row; training stops at "
                    f"{self.limit}.",
                    logger="current",
                    level=logging.WARNING,
                )
                if self.in_a_row >= self.limit:
                    self._stop(runner, step, text)

    def _report(self, step: _Step) -> str:
        """Return what was not finite, and for which images, on all processes."""
        found = all_gather_object((step.not_finite(), step.paths()))
        losses = [loss for of_rank, _ in found for loss in of_rank]
        # The images of the losses that are not finite; of all, where the gradients alone are not.
        guilty = [paths for of_rank, paths in found if of_rank or not losses]
        paths = [path for of_rank in guilty for path in of_rank]
        what = ", ".join(losses) or "all losses are finite, but gradients are not"
        if not losses and step.parameters:
            what += f" ({len(step.parameters)} parameters, the first: {step.parameters[0]})"
        more = f" and {len(paths) - 16} more" if len(paths) > 16 else ""
        return f"Iteration {step.iteration}: {what}. Images: {', '.join(paths[:16])}{more}."

    def _stop(self, runner: Runner, step: _Step, text: str) -> None:
        self._inspected = step
        runner.save_checkpoint(runner.work_dir, INSPECTION, by_epoch=False)
        barrier()  # a launcher ends all others as soon as one has ended
        raise NonFiniteError(
            f"Losses or gradients of {self.in_a_row} steps in a row were not finite. {text} "
            f"{os.path.join(runner.work_dir, INSPECTION)} holds the state before them and this "
            "batch. Look at the images' targets; lower the learning rate "
            "(optim_wrapper.optimizer.lr) or clip gradients (optim_wrapper.clip_grad.max_norm=1), "
            "then --resume; --detect-anomaly finds the operation."
        )


def _maps(sample: Any) -> dict[str, Tensor]:
    """Return a sample's targets by name."""
    return {key: value.data for key, value in sample.items() if isinstance(value, PixelData)}
