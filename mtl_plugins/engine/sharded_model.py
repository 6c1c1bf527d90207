"""Shard parameters, gradients and optimizer state over the processes (FSDP2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map

from ..errors import ConfigError
from ..models.balancers import GradientBalancer


@MODEL_WRAPPERS.register_module()
class ShardedModel(nn.Module):
    """Shard a model over all processes with torch's `fully_shard`, instead of copying it as DDP.

    The whole weights are built, loaded and resumed, then sharded for training. Checkpoints hold
    the whole weights and optimizer state, so any number of processes, with or without sharding,
    can resume from them. During a validation every process has all parameters.

    Args:
        module: the model (filled in by the runner).
        units: names of the submodules whose parameters are gathered together when needed; all
            other parameters stay gathered from the forward to the backward pass.

    Raises:
        ConfigError: the balancer needs whole gradients of parameters, or a submodule does not
            exist.

    In a config: `model_wrapper_cfg = dict(type='ShardedModel')`.

    Source: https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html
    """

    module: Any  # fully_shard turns it into an FSDPModule too

    def __init__(
        self, module: nn.Module, units: Sequence[str] = ("backbone", "decode_head")
    ) -> None:
        super().__init__()
        balancer = getattr(module, "balancer", None)
        if isinstance(balancer, GradientBalancer) and balancer.level == "parameters":
            raise ConfigError(
                "ShardedModel: GradientBalancer(level='parameters') compares whole gradients of "
                "parameters, of which each process has a part. Use level='features', or DDP."
            )
        names = {name for name, _ in module.named_modules()}
        unknown = [name for name in units if name not in names]
        if unknown:
            raise ConfigError(f"ShardedModel: the model has no part {unknown[0]!r} to shard.")
        self.module = module
        self.units = tuple(units)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data: Any, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Train a step; see mmengine."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: Any) -> list:
        """Predict a batch with all parameters; processes may have different numbers of windows."""
        for part in self._sharded():
            part.unshard()
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        """Predict a batch."""
        return self.module.test_step(data)

    def train(self, mode: bool = True) -> ShardedModel:
        """Free the gathered parameters after each use in training; keep them in evaluation."""
        for part in self._sharded():
            part.set_reshard_after_forward(mode and part is not self.module, recurse=False)
        return super().train(mode)

    def shard(self, optim_wrapper: OptimWrapper) -> None:
        """Shard parameters and optimizer state, which are whole and equal on all processes."""
        self.module.to(memory_format=torch.contiguous_format)  # fully_shard needs it
        whole = dict(self.module.named_parameters())
        device = next(iter(whole.values())).device.type
        mesh = init_device_mesh(device, (torch.distributed.get_world_size(),))
        for part in [*(self.module.get_submodule(name) for name in self.units), self.module]:
            fully_shard(part, mesh=mesh)
        parts = {whole[name]: part for name, part in self.module.named_parameters()}
        optimizer = optim_wrapper.optimizer
        for group in optimizer.param_groups:
            group["params"] = [parts[parameter] for parameter in group["params"]]
            group["fused"] = False  # it would skip steps on each shard separately
        state = {
            parts[parameter]: {name: _part(value, parts[parameter]) for name, value in each.items()}
            for parameter, each in optimizer.state.items()
        }
        optimizer.state = defaultdict(dict, state)

    @contextmanager
    def whole(self, optim_wrapper: OptimWrapper) -> Iterator[None]:
        """Make model and optimizer return whole states. All processes must enter together."""
        owners = (self.module, optim_wrapper)
        states = [tree_map(_whole, owner.state_dict()) for owner in owners]
        for owner, state in zip(owners, states, strict=True):
            owner.state_dict = lambda *_, state=state, **__: state
        try:
            yield
        finally:
            for owner in owners:
                del owner.state_dict

    def _sharded(self) -> list[FSDPModule]:
        return [part for part in self.module.modules() if isinstance(part, FSDPModule)]


def local_part(value: Tensor) -> Tensor:
    """Return this process's shard of a tensor, or the tensor itself if it is not sharded."""
    return value.to_local() if isinstance(value, DTensor) else value


def _part(value: Any, like: DTensor) -> Any:
    """Return this process's shard of a value that has the shape of a sharded parameter."""
    if not isinstance(value, Tensor) or value.shape != like.shape:
        return value
    value = value.contiguous()
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def _whole(value: Any) -> Any:
    return value.full_tensor().cpu() if isinstance(value, DTensor) else value
