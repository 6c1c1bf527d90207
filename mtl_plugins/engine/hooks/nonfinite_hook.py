"""Skip training steps whose losses or gradients are not finite."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce, barrier
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import HOOKS
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from ...errors import ConfigError, MTLError
from ...utils import unwrapped, warn
from ..sharded_model import local_part

INSPECTION = "nonfinite.pt"
"""File for inspection; not `.pth`, so that no run resumes from it by accident."""


class NonFiniteError(MTLError, ArithmeticError):
    """Losses or gradients were NaN or infinite too many times in a row."""


class LateFlag:
    """Read a flag that a GPU computes one call later, without waiting for the GPU.

    `bool(flag)` waits until a GPU has finished its queue and leaves it without work. Here the copy
    to the host is queued behind the computation of the flag; the next call reads it while the GPU
    works on what was queued since. On other devices the flag is returned at once.

    >>> LateFlag()(torch.tensor(True), "this step")
    [(True, 'this step')]
    """

    def __init__(self) -> None:
        self._queued: list[tuple[Tensor, torch.cuda.Event, Any]] = []

    def __call__(self, flag: Tensor, context: Any = None) -> list[tuple[bool, Any]]:
        """Queue a flag with its context; return the flags known by now, with their contexts."""
        if flag.device.type != "cuda":
            return [(bool(flag), context)]
        known = self.drain()
        host = torch.empty((), dtype=torch.bool, pin_memory=True)
        host.copy_(flag, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record()
        self._queued.append((host, copied, context))
        return known

    def drain(self) -> list[tuple[bool, Any]]:
        """Wait for the flags that have not been read, and return them."""
        queued, self._queued = self._queued, []
        for _, copied, _ in queued:
            copied.synchronize()
        return [(bool(host), context) for host, _, context in queued]


class BufferSnapshot:
    """Copy a model's buffers (running statistics, histories of losses) to restore them later.

    Buffers of one type and device are handled as one vector, so that hundreds of them take a GPU
    few kernels.

    >>> norm = nn.BatchNorm1d(2)
    >>> snapshot = BufferSnapshot(norm)
    >>> _ = norm(torch.tensor([[0.0, torch.nan], [1.0, 2.0]]))
    >>> snapshot.restore(torch.tensor(True))
    >>> norm.running_mean
    tensor([0., 0.])
    """

    def __init__(self, model: nn.Module) -> None:
        alike: dict[tuple, list[Tensor]] = {}
        for buffer in model.buffers():
            alike.setdefault((buffer.dtype, buffer.device), []).append(buffer)
        self._buffers = [*alike.values()]
        self._copies = [_joined(buffers) for buffers in self._buffers]

    @torch.no_grad()
    def restore(self, condition: Tensor) -> None:
        """Restore the buffers if the condition (a bool without dimensions) is true.

        The buffers' device decides, so the host does not wait.
        """
        for buffers, before in zip(self._buffers, self._copies, strict=True):
            values = torch.where(condition.to(before.device), before, _joined(buffers))
            parts = values.split([buffer.numel() for buffer in buffers])
            torch._foreach_copy_(
                buffers, [part.view(b.shape) for part, b in zip(parts, buffers, strict=True)]
            )


@torch.no_grad()
def _joined(buffers: Sequence[Tensor]) -> Tensor:
    return torch.cat([buffer.reshape(-1) for buffer in buffers])


@dataclass
class _Step:
    """Collect what a report needs about a step, of one batch or of several accumulated ones."""

    iteration: int = 0
    names: list[str] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    batches: list[Mapping[str, Any]] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Return the paths of the images."""
        samples = [sample for batch in self.batches for sample in batch.get("data_samples") or ()]
        return [str(sample.metainfo.get("img_path")) for sample in samples]

    def not_finite(self) -> list[str]:
        """Return the losses that are not finite; waits for their device."""
        values = torch.stack(self.losses).tolist() if self.losses else []
        pairs = zip(self.names, values, strict=True)
        return [f"{name} = {value}" for name, value in pairs if not math.isfinite(value)]


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Skip steps whose losses or gradients are NaN or infinite, and stop after too many in a row.

    A skipped step leaves the parameters, the optimizer's state and the model's buffers (running
    statistics, balancers' histories) unchanged. The log names the image files and the losses that
    were not finite, or the parameters whose gradients were not. After `limit` such steps in a row
    the training stops; `nonfinite.pt` in the work dir then holds the state before them and the
    last batch, and loads with `load_checkpoint`. `--detect-anomaly` finds the operation.

    All processes skip the same steps. float16's gradient scaler still skips steps whose scaled
    gradients overflow; of these, only steps whose losses are not finite count here.

    Cost: a norm of all gradients and a copy of the buffers in each step. With a fused optimizer
    (`optimizer=dict(fused=True)`, which the commands set on GPUs where it exists) the device
    decides and the report comes one step later, so the host does not wait; with any other
    optimizer it waits for the device once a step.

    Args:
        limit: number of steps in a row at which training stops, 1 or more.

    Raises:
        ConfigError: `limit` is not positive.
        NonFiniteError: `limit` steps in a row were not finite.

    In a config: `default_hooks = dict(nonfinite=dict(limit=20))`.
    """

    # After the schedulers, so that the state saved for inspection can be resumed.
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
        """Watch the model's losses and the optimizer's gradients."""
        self._model = unwrapped(runner.model)
        self._ranks = runner.world_size
        optimizer = runner.optim_wrapper.optimizer
        self._handles = [
            self._model.register_forward_pre_hook(self._before_forward, with_kwargs=True),
            self._model.register_forward_hook(self._after_forward, with_kwargs=True),
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Remember the images of the step."""
        self._step.iteration = runner.iter + 1
        self._step.batches.append(data_batch)

    def after_train_iter(self, runner: Runner, batch_idx: int, *_: Any, **__: Any) -> None:
        """Report the steps that are known to be skipped."""
        if not runner.optim_wrapper.should_update():
            return  # further batches are accumulated
        step, skipped = self._step, self._skipped
        if skipped is None:  # a gradient scaler has decided
            skipped = self._on_any_process(torch.tensor(False) if self._bad is None else self._bad)
            if self._snapshot is not None:
                self._snapshot.restore(skipped)
        self._forget()
        self._account(runner, self._flag(skipped, step))

    def after_train_epoch(self, runner: Runner) -> None:
        """Report the last step too."""
        self._account(runner, self._flag.drain())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the batch to the file for inspection."""
        if self._inspected is not None:
            batches = self._inspected.batches
            checkpoint["batch"] = dict(
                img_path=self._inspected.paths(),
                inputs=[image for batch in batches for image in batch["inputs"]],
                targets=[_maps(sample) for batch in batches for sample in batch["data_samples"]],
                not_finite=self._inspected.not_finite(),
            )

    def after_stop(self, runner: Runner) -> None:
        """Stop watching."""
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
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [local_part(p.grad) for p in parameters if p.grad is not None]
        # The maximum would do, but is many times slower on CPUs. A norm beyond 1e19 overflows,
        # and such a step should be skipped too.
        bad = ~get_total_norm(gradients).isfinite()
        self._skipped = bad = self._on_any_process(bad if self._bad is None else self._bad | bad)
        if all(group.get("fused") for group in optimizer.param_groups):
            setattr(optimizer, "found_inf", bad.float())  # noqa: B010 (torch looks for it)
        elif bad:
            self._step.parameters = [
                name
                for name, parameter in self._model.named_parameters()
                if parameter.grad is not None and not parameter.grad.isfinite().all()
            ]
            for parameter in parameters:
                parameter.grad = None  # optimizers leave these parameters unchanged
        else:
            return
        if self._snapshot is not None:
            self._snapshot.restore(bad)

    def _after_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if self._skipped is not None and hasattr(optimizer, "found_inf"):
            del optimizer.found_inf

    def _on_any_process(self, bad: Tensor) -> Tensor:
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
                warn(
                    f"{text} The step was skipped, {self.in_a_row} in a row; training stops at "
                    f"{self.limit}."
                )
                if self.in_a_row >= self.limit:
                    self._stop(runner, step, text)

    def _report(self, step: _Step) -> str:
        """Describe the values that were not finite and their images, of all processes."""
        found = all_gather_object((step.not_finite(), step.paths()))
        losses = [loss for of_rank, _ in found for loss in of_rank]
        # Name the images of losses that are not finite; all images if only gradients are not.
        guilty = [paths for of_rank, paths in found if of_rank or not losses]
        paths = [path for of_rank in guilty for path in of_rank]
        values = ", ".join(losses) or "all losses are finite, but gradients are not"
        if not losses and step.parameters:
            values += f" ({len(step.parameters)} parameters, the first: {step.parameters[0]})"
        more = f" and {len(paths) - 16} more" if len(paths) > 16 else ""
        return f"Iteration {step.iteration}: {values}. Images: {', '.join(paths[:16])}{more}."

    def _stop(self, runner: Runner, step: _Step, text: str) -> None:
        self._inspected = step
        runner.save_checkpoint(runner.work_dir, INSPECTION, by_epoch=False)
        barrier()  # launchers end all other processes as soon as one has ended
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
