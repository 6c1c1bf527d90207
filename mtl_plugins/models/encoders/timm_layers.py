"""The depth of timm's parameters: which stage or layer of its model each belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import timm
import torch
from timm.models import group_parameters
from torch import nn

from ...errors import ConfigError


def parameter_depths(name: str, model: nn.Module, coarse: bool) -> tuple[dict[str, int], int]:
    """Return the depth of every parameter of a feature model, and the depth of the classifier.

    timm groups the parameters of each model from the stem, 0, to the classifier, which a feature
    model does not have.

    Args:
        name: of the model in timm.
        model: the model as a feature extractor.
        coarse: groups are stages of a pyramid, not layers. Blocks of a plain transformer are both.

    Raises:
        ConfigError: timm has no groups of this model.

    >>> encoder = timm.create_model('resnet18', features_only=True)
    >>> depths, last = parameter_depths('resnet18', encoder, coarse=True)
    >>> depths['conv1.weight'], depths['layer4.1.conv2.weight'], last
    (0, 4, 5)
    """
    with torch.device("meta"):
        whole: Any = timm.create_model(name)
    if not hasattr(whole, "group_matcher"):
        raise ConfigError(f"TimmEncoder: timm does not say what the layers of {name} are.")
    known = group_parameters(whole, whole.group_matcher(coarse=coarse), reverse=True)
    places = {depth: place for place, depth in enumerate(sorted({*known.values()}))}
    # A feature model has other dots in its names, or holds the whole model.
    depths = {_plain(key): places[depth] for key, depth in known.items()}
    found = {}
    for key, _ in model.named_parameters():
        plain = _plain(key)
        plain = plain if plain in depths else plain.removeprefix("model_")
        # What arguments of the model add (other blocks, adapters) is as deep as its neighbours.
        while plain not in depths and "_" in plain:
            plain = plain.rpartition("_")[0]
            near = [depth for other, depth in depths.items() if other.startswith(f"{plain}_")]
            if near:
                depths[plain] = min(near)
        found[key] = depths.get(plain, 0)
    return found, max(places.values())


def _plain(key: str) -> str:
    return key.replace(".", "_")


def freeze(model: nn.Module, names: set[str]) -> list[nn.Module]:
    """Stop the training of some parameters, and return the modules that have no others.

    In eval mode these keep their batch statistics as well.
    """
    for key, parameter in model.named_parameters():
        if key in names:
            parameter.requires_grad_(False)
    return [*_frozen_modules(model)]


def _frozen_modules(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the outermost modules that have parameters, none of which is trained."""
    parameters = [*module.parameters()]
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        yield module
        return
    for child in module.children():
        yield from _frozen_modules(child)
