"""Weights of a checkpoint into a network, with an error that says what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ..errors import ConfigError

SHOWN = 4
"""Names that an error lists of each kind."""


def load_weights(network: nn.Module, checkpoint: Mapping[str, Any], name: str) -> None:
    """Load the weights of a checkpoint, or of a bare state dict; every one must fit.

    A balancer's state is left out: it belongs to training.

    Args:
        network: the network, built from the config that the checkpoint was trained with.
        checkpoint: as from `load_checkpoint`.
        name: what to call it in errors.

    Raises:
        ConfigError: weights are missing, left over or of another shape; nothing was loaded then.

    >>> load_weights(nn.Linear(1, 2), nn.Linear(1, 3).state_dict(), 'a.pth')
    Traceback (most recent call last):
    mtl_plugins.errors.ConfigError: a.pth does not fit the network of the config. 2 weights have \
another shape: weight (3, 1) for (2, 1), bias (3,) for (2,). Give the CONFIG that it was trained \
with, --cfg-options included.
    """
    weights = checkpoint.get("state_dict", checkpoint)
    found = {
        str(key): value
        for key, value in dict(weights).items()
        if isinstance(value, Tensor) and not str(key).startswith("balancer.")
    }
    own = {k: v for k, v in network.state_dict().items() if not k.startswith("balancer.")}
    shapes = [
        f"{key} {tuple(found[key].shape)} for {tuple(value.shape)}"
        for key, value in own.items()
        if key in found and found[key].shape != value.shape
    ]
    problems = [
        *_listed("are missing", [key for key in own if key not in found]),
        *_listed("are left over", [key for key in found if key not in own]),
        *_listed("have another shape", shapes),
    ]
    if problems:
        raise ConfigError(
            f"{name} does not fit the network of the config. {' '.join(problems)} Give the CONFIG "
            "that it was trained with, --cfg-options included."
        )
    network.load_state_dict(found, strict=False)


def _listed(what: str, names: Sequence[str]) -> list[str]:
    more = f", ... ({len(names) - SHOWN} more)" if len(names) > SHOWN else ""
    return [f"{len(names)} weights {what}: {', '.join(names[:SHOWN])}{more}."] if names else []
