"""Checkpoints that resume exactly and load without running foreign code."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isroutine
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn

# Imported for its effect too: from here on checkpoints are read without unpickling.
from ...checkpoints import from_plain, to_plain
from ...utils import unwrapped

GRADIENTS = "accumulated_gradients"
"""Where a checkpoint that was saved between two steps of the optimizer has the gradients."""


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Makes every checkpoint of a run loadable with `torch.load(weights_only=True)`.

    mmengine pickles its history buffers and NumPy scalars into checkpoints, which torch 2.6 and
    later refuse to load again. On save this hook replaces them by plain tensors and numbers; on
    load it turns them back before the runner gives them to the message hub, so training continues
    with the same histories and best scores. Gradients that are being accumulated are saved, too
    (not on several processes, each of which has its own). In a config:
    `custom_hooks=[dict(type='SafeCheckpointHook')]`.

    It runs after all other hooks, so it also sees what they store. Such a hook of yours should
    store tensors rather than arrays, for on loading it runs before this one.

    Raises:
        TypeError: on saving, something in the checkpoint has no plain form.
    """

    priority = "LOWEST"

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Replaces what needs pickle, in place: the runner saves this very dictionary."""
        if "param_schedulers" in checkpoint:
            checkpoint["param_schedulers"] = _without_functions(checkpoint["param_schedulers"])
        if "optimizer" in checkpoint and runner.world_size == 1:
            checkpoint[GRADIENTS] = _accumulated(runner)
        for key, value in checkpoint.items():
            checkpoint[key] = to_plain(value, where=f"checkpoint[{key!r}]")

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Turns plain values back, in place: the runner resumes from this very dictionary."""
        for key, value in checkpoint.items():
            checkpoint[key] = from_plain(value)
        gradients = checkpoint.pop(GRADIENTS, {})
        if runner._resume:
            for name, parameter in _named_parameters(runner):
                if name in gradients:
                    parameter.grad = gradients[name].to(parameter.device)
        # mmengine executes a "config" found here on resume; its own checkpoints have none.
        checkpoint.get("meta", {}).pop("config", None)


def _accumulated(runner: Runner) -> dict[str, Tensor]:
    """Return the gradients that wait for further batches (`accumulative_counts`), by name."""
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict) or wrapper.should_update():
        return {}
    gradients = ((name, parameter.grad) for name, parameter in _named_parameters(runner))
    return {name: gradient.cpu() for name, gradient in gradients if gradient is not None}


def _named_parameters(runner: Runner) -> Iterator[tuple[str, nn.Parameter]]:
    model = unwrapped(runner.model)
    return model.named_parameters()


def _without_functions(state: Any) -> Any:
    # mmengine's one-cycle schedulers list their annealing function among their state. One built
    # from the config has it anyway, and loading a state keeps what the state does not mention.
    if isinstance(state, dict):
        return {k: _without_functions(v) for k, v in state.items() if not isroutine(v)}
    return [_without_functions(item) for item in state] if isinstance(state, list) else state
