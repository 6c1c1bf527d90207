"""Mixed precision on CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import Tensor, nn

from ...utils import choose_dtype


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Trains in mixed precision on the device where the parameters are.

    mmengine's `AmpOptimWrapper` refuses the CPU and scales the loss for every type; here the loss
    is scaled only where gradients can underflow, for float16. Parameters, gradients and the
    optimizer stay float32.

    Args:
        optimizer: the optimizer to wrap; its first parameter says which device is used.
        dtype: `"bfloat16"`, `"float16"` (CUDA only) or `"auto"`: bfloat16 wherever the hardware
            computes in it, which is every CPU and GPUs from Ampere on, else float16.
        scaler: arguments of `torch.amp.GradScaler` (say `dict(init_scale=512.0)`), for float16.
        **kwargs: `accumulative_counts` and `clip_grad`, as in mmengine's `OptimWrapper`.

    Raises:
        ConfigError: the dtype is unknown, or float16 was asked for away from CUDA.

    Source: https://pytorch.org/docs/stable/amp.html

    >>> layer = nn.Linear(2, 1)
    >>> wrapper = AutocastOptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1))
    >>> with wrapper.optim_context(layer):
    ...     loss = layer(torch.ones(1, 2)).mean()
    >>> loss.dtype, layer.weight.dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        dtype: str = "auto",
        scaler: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(optimizer, **kwargs)
        self.device_type: str = optimizer.param_groups[0]["params"][0].device.type
        self.dtype = choose_dtype(dtype, self.device_type)
        # A disabled scaler passes everything through and has an empty state.
        self.loss_scaler = torch.amp.GradScaler(
            self.device_type, enabled=self.dtype is torch.float16, **(scaler or {})
        )

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Runs the forward pass inside in mixed precision; no gradient sync while accumulating."""
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Adds the gradients of the (scaled) loss to the parameters."""
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clips the true gradients and updates; float16 skips a step whose gradients overflow."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Returns the optimizer's state, and the scaler's as `loss_scaler` where there is one."""
        state = super().state_dict()
        if self.loss_scaler.is_enabled():
            state["loss_scaler"] = self.loss_scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` returned; a state without a scaler leaves ours as it is."""
        state = dict(state_dict)
        scaler = state.pop("loss_scaler", None)
        if scaler:
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state)
