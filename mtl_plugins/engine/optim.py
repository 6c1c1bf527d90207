"""Build optimizers; train in mixed precision on CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS
from torch import Tensor, nn

from ..errors import ConfigError
from ..models.encoders import TimmEncoder
from ..utils import choose_dtype, did_you_mean, unwrapped, warn

FUSED = ("Adam", "AdamW", "SGD")
"""Optimizers of torch that have a fused implementation."""


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Train in mixed precision on the device of the parameters, CPU or GPU.

    mmengine's `AmpOptimWrapper` refuses the CPU and scales the loss for every type. This wrapper
    scales the loss only for float16, whose gradients can underflow. Parameters, gradients and the
    optimizer's state stay float32.

    Args:
        optimizer: the optimizer to wrap; its first parameter determines the device.
        dtype: `"bfloat16"`, `"float16"` (CUDA only) or `"auto"`: bfloat16 if the hardware supports
            it (every CPU, and GPUs from Ampere on), else float16.
        scaler: arguments of `torch.amp.GradScaler` (say `dict(init_scale=512.0)`), for float16.
        **kwargs: `accumulative_counts` and `clip_grad`, as in mmengine's `OptimWrapper`.

    Raises:
        ConfigError: the dtype is unknown, or it is float16 on another device than CUDA.

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
        # A disabled scaler changes nothing and has an empty state.
        self.loss_scaler = torch.amp.GradScaler(
            self.device_type, enabled=self.dtype is torch.float16, **(scaler or {})
        )
        self.init_scale = (scaler or {}).get("init_scale")

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass in mixed precision, without gradient sync while accumulating."""
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Add the gradients of the (scaled) loss to the parameters."""
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clip the unscaled gradients and update; float16 skips steps whose gradients overflow."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state, and the scaler's as `loss_scaler` if it is enabled."""
        state = super().state_dict()
        if self.loss_scaler.is_enabled():
            state["loss_scaler"] = dict(self.loss_scaler.state_dict(), init_scale=self.init_scale)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; without a `loss_scaler` the scaler is unchanged.

        The scale goes on unless it began with another `init_scale`; its rules are the wrapper's.
        """
        state = dict(state_dict)
        scaler = state.pop("loss_scaler", None)
        if scaler and scaler.get("init_scale", self.init_scale) == self.init_scale:
            progress = {key: scaler[key] for key in ("scale", "_growth_tracker") if key in scaler}
            self.loss_scaler.load_state_dict({**self.loss_scaler.state_dict(), **progress})
        super().load_state_dict(state)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class BalancedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Build mmengine's optimizer wrapper, without weight decay for the balancer's parameters.

    Weight decay on a log-variance would pull its task's weight towards 1/2 whatever the loss is.
    The optimizers in `FUSED` update all parameters in one pass (on a CPU in a fifth of the time)
    and can skip a step on the GPU itself (see `NonFiniteHook`), unless the config sets `fused` or
    `foreach`. Commands use this constructor if a config names none.

    Args:
        optim_wrapper_cfg: config of the optimizer wrapper.
        paramwise_cfg: as in mmengine; `custom_keys=dict(balancer=dict(lr_mult=10))` works too.
            With `layer_decay=0.75` the learning rate of each layer of a `TimmEncoder` is 0.75 of
            that of the next; decoders and heads have the whole one.

    Raises:
        ConfigError: `layer_decay` is not in (0, 1], or the model has no `TimmEncoder`.

    Source of the decay: Clark et al., *ELECTRA*, 2020; Bao et al., *BEiT*, 2021.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        given = dict(paramwise_cfg or {})
        self.layer_decay = given.pop("layer_decay", None)
        if self.layer_decay is not None:
            _check_decay(self.layer_decay)
            given.setdefault("custom_keys", {})  # one group for each parameter
        super().__init__(optim_wrapper_cfg, given or None)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper of the model's optimizer."""
        chosen = {"fused", "foreach", "capturable", "differentiable"} & {*self.optimizer_cfg}
        if self.optimizer_cfg["type"] in FUSED and not chosen:
            self.optimizer_cfg["fused"] = True
        wrapper = super().__call__(model)
        names = [name for name, _ in model.named_parameters()]
        for key in (self.paramwise_cfg or {}).get("custom_keys", ()):
            if not any(key in name for name in names):
                hint = did_you_mean(key, {part for name in names for part in name.split(".")})
                warn(f"optim_wrapper.paramwise_cfg.custom_keys has {key!r}: no such weight. {hint}")
        balancer = getattr(unwrapped(model), "balancer", None)
        learned = {id(parameter) for parameter in balancer.parameters()} if balancer else set()
        for group in list(wrapper.optimizer.param_groups):
            mine = [p for p in group["params"] if id(p) in learned]
            if mine:
                group["params"] = [p for p in group["params"] if id(p) not in learned]
                wrapper.optimizer.add_param_group(dict(group, params=mine, weight_decay=0.0))
        if self.layer_decay is not None:
            _decay_layers(wrapper.optimizer, unwrapped(model), self.layer_decay)
        # With paramwise_cfg, mmengine makes one group for each parameter.
        wrapper.optimizer.param_groups = [g for g in wrapper.optimizer.param_groups if g["params"]]
        return wrapper


def _check_decay(decay: Any) -> None:
    if not isinstance(decay, (int, float)) or not 0 < decay <= 1:
        raise ConfigError(
            f"optim_wrapper.paramwise_cfg.layer_decay={decay!r}; expected a number in (0, 1]."
        )


def _decay_layers(optimizer: torch.optim.Optimizer, model: nn.Module, decay: float) -> None:
    """Lower the learning rates of an encoder's layers, and join the groups that are then equal."""
    factors: dict[int, float] = {}
    for encoder in model.modules():
        if isinstance(encoder, TimmEncoder):
            depths, last = encoder.layer_depths()
            own = dict(encoder.model.named_parameters())
            factors |= {id(own[key]): decay ** (last - depth) for key, depth in depths.items()}
    if not factors:
        raise ConfigError(
            "optim_wrapper.paramwise_cfg.layer_decay needs a TimmEncoder, whose layers it knows. "
            "Lower the rate of another backbone as a whole: "
            "custom_keys=dict(backbone=dict(lr_mult=0.1))."
        )
    joined: dict[str, dict[str, Any]] = {}
    for group in optimizer.param_groups:
        (parameter,) = group["params"] or (None,)
        group["lr"] *= factors.get(id(parameter), 1.0)
        options = {key: value for key, value in group.items() if key != "params"}
        joined.setdefault(repr(options), dict(options, params=[]))["params"] += group["params"]
    optimizer.param_groups = [*joined.values()]
