"""What the network of a run costs, recorded while it trains."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..models.segmentors import MultiTaskSegmentor
from ..utils import machine_name, unwrapped
from .macs import count_macs
from .parameters import parameters_by_part


def run_cost(model: nn.Module, size: tuple[int, int]) -> dict[str, Any] | None:
    """Return parameters and multiply-adds of a network that is being evaluated.

    Nothing random is drawn and no state changes, so training goes on as it would have.

    Args:
        model: in evaluation mode; DDP's wrapper around it is taken off.
        size: (height, width) of the images; with sliding inference its windows' size counts.

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
    image = torch.zeros(1, 3, height, width, device=device)
    return dict(
        parameters=parameters_by_part(network),
        macs=count_macs(lambda: network(image, mode="tensor")),
        height=height,
        width=width,
        machine=machine_name(device.type),
    )
