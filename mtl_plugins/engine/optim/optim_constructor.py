"""The optimizer of a model whose balancer learns numbers of its own, as fast as the device can."""

from __future__ import annotations

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from ...utils import unwrapped

FUSED = ("Adam", "AdamW", "SGD")


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class BalancedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Leave out weight decay for what the balancer learns, else do as mmengine's.

    A log-variance that decays would pull its task's weight towards 1/2 whatever the loss is. The
    optimizers of `FUSED` update all parameters in one pass (on a CPU in a fifth of the time), and
    on a GPU decide there whether to (see `NonFiniteHook`), unless the config gives `fused` or
    `foreach` itself. Commands use this constructor where a config names none.

    Args:
        optim_wrapper_cfg: config of the optimizer wrapper.
        paramwise_cfg: as in mmengine; `custom_keys=dict(balancer=dict(lr_mult=10))` works too.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Return the wrapper of the model's optimizer."""
        chosen = {"fused", "foreach", "capturable", "differentiable"} & {*self.optimizer_cfg}
        if self.optimizer_cfg["type"] in FUSED and not chosen:
            self.optimizer_cfg["fused"] = True
        wrapper = super().__call__(model)
        balancer = getattr(unwrapped(model), "balancer", None)
        learned = {id(parameter) for parameter in balancer.parameters()} if balancer else set()
        for group in list(wrapper.optimizer.param_groups):
            mine = [p for p in group["params"] if id(p) in learned]
            if mine:
                group["params"] = [p for p in group["params"] if id(p) not in learned]
                wrapper.optimizer.add_param_group(dict(group, params=mine, weight_decay=0.0))
        # mmengine makes a group of every parameter where paramwise_cfg is given.
        wrapper.optimizer.param_groups = [g for g in wrapper.optimizer.param_groups if g["params"]]
        return wrapper
