"""How many parameters each part of a model has."""

from __future__ import annotations

from torch import nn

from ..models.task_heads import TaskHead


def parameters_by_part(network: nn.Module) -> dict[str, int]:
    """Return the number of parameters of encoder, decoders, task heads and the rest.

    Shared parameters count once, frozen ones like others, buffers (running means) not at all.
    """
    heads = tuple(
        f"{name}." for name, module in network.named_modules() if isinstance(module, TaskHead)
    )
    prefixes = dict(
        task_heads=heads,
        encoder=("backbone.",),
        decoders=("decode_head.decoder.", "decode_head.decoders."),
        rest=("",),
    )
    counts = dict.fromkeys(("encoder", "decoders", "task_heads", "rest"), 0)
    for name, parameter in network.named_parameters():
        part = next(part for part, starts in prefixes.items() if name.startswith(starts))
        counts[part] += parameter.numel()
    return counts
