"""Count the parameters and multiply-adds of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..models.segmentors import MultiTaskSegmentor
from ..models.task_heads import TaskHead
from ..utils import machine_name, unwrapped


def count_macs(run: Callable[[], Any]) -> int:
    """Return the multiply-adds that `run` computes, without gradients.

    One multiply-add of a convolution, a linear layer or a matrix product (attention included)
    counts as one. Element-wise operations, normalisation, pooling and resizing do not count.

    >>> layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    >>> count_macs(lambda: layer(torch.zeros(1, 3, 10, 10))) == 10 * 10 * 8 * 3 * 3 * 3
    True
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # The counter does not know fused attention on every device. Written out, attention is two
    # matrix products, which the counter knows.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.no_grad(),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            run()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    # The counter counts a multiplication and an addition as two.
    return counter.get_total_flops() // 2


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


def run_cost(model: nn.Module, size: tuple[int, int]) -> dict[str, Any] | None:
    """Count the parameters and multiply-adds of a network during its training.

    Nothing random is drawn and no state changes, so training continues as it would have.

    Args:
        model: in evaluation mode; a DDP wrapper is removed.
        size: (height, width) of the images; with sliding inference the windows' size is used.

    Returns:
        `parameters` (see `parameters_by_part`), `macs` (of one image of `height` x `width`) and
        `machine`; None for a model of another library.
    """
    network = unwrapped(model)
    if not isinstance(network, MultiTaskSegmentor):
        return None
    looks = network.inference_config
    height, width = (looks.mode == "slide" and looks.crop_size) or size
    device = next(network.parameters()).device
    image = torch.zeros(1, network.in_channels, height, width, device=device)
    return dict(
        parameters=parameters_by_part(network),
        macs=count_macs(lambda: network(image, mode="tensor")),
        height=height,
        width=width,
        machine=machine_name(device.type),
    )
