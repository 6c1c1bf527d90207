"""Encoders of images that have more channels than red, green and blue."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from mmengine.logging import print_log
from mmseg.registry import MODELS
from timm.models import adapt_input_conv
from torch import Tensor, nn

from ...errors import ConfigError, WeightsError
from ..preprocessing import RGB_CHANNELS


def with_channels(config: Any, channels: int, name: str = "model.backbone") -> Any:
    """Return the config of an encoder for images of `channels` channels.

    The number is written once, as `mean` and `std` of the preprocessor; here it becomes the
    encoder's `in_channels`, that of each encoder in `TaskEncoders`.

    Raises:
        ConfigError: the config has another number, or the encoder takes three channels alone.

    >>> with_channels(dict(type="TimmEncoder", model_name="resnet18"), 4)["in_channels"]
    4
    """
    if not isinstance(config, Mapping):
        return config
    if isinstance(config.get("encoder"), Mapping) and isinstance(config.get("tasks"), Mapping):
        shared = with_channels(config["encoder"], channels, f"{name}.encoder")
        tasks = {
            task: with_channels(own, channels, f"{name}.tasks.{task}") if "type" in own else own
            for task, own in config["tasks"].items()
        }
        return {**config, "encoder": shared, "tasks": tasks}
    kind = config.get("type")
    given = config.get("in_channels")
    if given is None and channels == RGB_CHANNELS:
        return config
    if given not in (None, channels):
        raise ConfigError(
            f"{name}.in_channels={given}, but model.data_preprocessor has mean and std of "
            f"{channels} channels. Make them equal, or leave in_channels out."
        )
    found: Any = MODELS.get(kind) if isinstance(kind, str) else kind
    if given is None and inspect.isclass(found) and not _takes_channels(found):
        raise ConfigError(
            f"{name}: {found.__name__} takes images of three channels alone, and "
            f"model.data_preprocessor has mean and std of {channels}. Choose an encoder with "
            "in_channels, such as TimmEncoder, or ResNet or MixVisionTransformer of mmseg."
        )
    return {**config, "in_channels": channels}


def _takes_channels(kind: type) -> bool:
    """Return whether a class or one that it passes further arguments on to has `in_channels`."""
    for each in kind.__mro__:
        if "__init__" not in vars(each):
            continue
        parameters = inspect.signature(vars(each)["__init__"]).parameters
        if "in_channels" in parameters:
            return True
        if not any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
            return False
    return False


def accept_colour_weights(owner: nn.Module, encoder: nn.Module, channels: int) -> None:
    """Let an encoder of more channels load weights that were trained on red, green and blue.

    The weights of its first convolution are repeated over the channels and scaled by 3 / channels,
    as timm does, which keeps the size of its output; the log says so. Weights of its own number of
    channels stay as they are; loading those of another number raises a `WeightsError`.

    Args:
        owner: the module that weights are loaded into: the encoder, or a network that has it.
        encoder: the encoder.
        channels: number of channels of its images.
    """
    first = next((conv for conv in encoder.modules() if _sees(conv, channels)), None)
    for name, part in owner.named_modules():
        if part is first:
            # Not a closure, which could not be pickled with the network.
            adapt = partial(_adapt, key=f"{name}.weight", channels=channels)
            owner.register_load_state_dict_pre_hook(adapt)


def _adapt(
    module: nn.Module, weights: dict[str, Any], prefix: str, *_: Any, key: str, channels: int
) -> None:
    """Adapt the weights of a first convolution in place, before they are loaded."""
    name = prefix + key
    stored, own = weights.get(name), module.get_parameter(key)
    if not isinstance(stored, Tensor) or stored.ndim != own.ndim or len(stored) != len(own):
        return
    if stored.shape[1] == RGB_CHANNELS != channels:
        weights[name] = adapt_input_conv(channels, stored)
        report_adapted(name, channels)
    elif stored.shape[1] != channels:
        raise WeightsError(
            f"{name} is for images of {stored.shape[1]} channels, and those of this network have "
            f"{channels}; only weights for three channels can be adapted. Load weights of "
            f"{channels} or 3 channels, or none."
        )


def report_adapted(name: str, channels: int) -> None:
    """Say in the log what was done to the weights of a first convolution."""
    print_log(
        f"{name} is for {channels} channels: its weights for red, green and blue are repeated in "
        f"turn over them and scaled by {RGB_CHANNELS}/{channels}.",
        logger="current",
    )


def _sees(module: nn.Module, channels: int) -> bool:
    return isinstance(module, nn.Conv2d) and module.weight.shape[1] == channels
