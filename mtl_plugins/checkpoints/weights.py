"""Networks without pretrained weights, and a checkpoint's weights in a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from ..errors import ConfigError
from ..models.multi_task_heads import DistillationHead
from ..models.segmentors import MultiTaskSegmentor
from ..utils import compare

WEIGHT_SOURCES = {"pretrained", "checkpoint_path", "init_cfg"}
"""Keys of a model's config that name the weights it starts from."""

MISFIT = (
    "The weights of {name} are not those of the config's model. {problems} Give the CONFIG that it "
    "was trained with, --cfg-options included."
)
"""Error of a checkpoint of another network; `problems`: see `Loading`."""


def build_network(
    model: Mapping[str, Any], name: str, pretrained: bool = False
) -> MultiTaskSegmentor:
    """Build the network of a model's config, in the registry scope that is current.

    Args:
        model: the `model` section of a config.
        name: name of its source in errors, such as "the config a.py".
        pretrained: keep the weights that the config names, which may download them; otherwise the
            initial weights are random.

    Raises:
        ConfigError: the model is of another library.
    """
    network = MODELS.build(dict(model) if pretrained else without_pretrained(model))
    if not isinstance(network, MultiTaskSegmentor):
        raise ConfigError(
            f"The model of {name} is a {type(network).__name__}; expected a MultiTaskSegmentor."
        )
    return network


def without_pretrained(node: Any) -> Any:
    """Copy a model's config without the `WEIGHT_SOURCES`, at any depth.

    The keys are left out rather than set, because "none" is False for some encoders and None for
    others.

    >>> without_pretrained(dict(type='TaskEncoders', tasks=dict(depth=dict(pretrained=True))))
    {'type': 'TaskEncoders', 'tasks': {'depth': {}}}
    """
    if isinstance(node, Mapping):
        return {k: without_pretrained(v) for k, v in node.items() if k not in WEIGHT_SOURCES}
    if isinstance(node, (list, tuple)):
        return type(node)(without_pretrained(value) for value in node)
    return node


def load_weights(network: nn.Module, checkpoint: Mapping[str, Any], name: str) -> None:
    """Load the weights of a checkpoint, or of a bare state dict; every weight must fit.

    A balancer's state is left out, because only training uses it.

    Args:
        network: the network, built from the config that the checkpoint was trained with.
        checkpoint: as from `load_checkpoint`.
        name: name of the checkpoint in errors.

    Raises:
        ConfigError: weights are missing, left over or of another shape; nothing was loaded then.

    >>> load_weights(nn.Linear(1, 2), nn.Linear(1, 3).state_dict(), 'a.pth')
    Traceback (most recent call last):
    mtl_plugins.errors.ConfigError: The weights of a.pth are not those of the config's model. \
2 weights have another shape: weight (3, 1) for (2, 1), bias (3,) for (2,). Give the CONFIG that \
it was trained with, --cfg-options included.
    """
    weights = checkpoint.get("state_dict", checkpoint)
    found = {
        str(key): value
        for key, value in dict(weights).items()
        if isinstance(value, Tensor) and not str(key).startswith("balancer.")
    }
    for prefix, module in network.named_modules():
        if isinstance(module, DistillationHead):
            module.rename_weights(found, f"{prefix}.")
    own = {k: v for k, v in network.state_dict().items() if not k.startswith("balancer.")}
    if problems := compare(own, found).problems:
        raise ConfigError(MISFIT.format(name=name, problems=problems))
    network.load_state_dict(found, strict=False)
