"""Channels and strides of an encoder's pyramid, which decoders are built for."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from torch import nn

from ...errors import ConfigError

PerLevel = tuple[int, ...]


@dataclass(frozen=True)
class EncoderSpec:
    """Hold channels and strides of a pyramid's levels, by task if each has its own encoder."""

    channels: PerLevel | dict[str, PerLevel]
    strides: PerLevel | dict[str, PerLevel]

    @property
    def size_divisor(self) -> int:
        """Number that divides an image's sides if every level is exactly side / stride."""
        by_task = self.strides.values() if isinstance(self.strides, dict) else [self.strides]
        return lcm(*(stride for strides in by_task for stride in strides))


def encoder_spec(encoder: nn.Module, probe_size: int = 128) -> EncoderSpec:
    """Read an encoder's declared channels and strides, or measure them with one small image.

    Encoders of this package declare `channels` and `strides`. Others, such as mmseg's backbones,
    are run once on a zero image of `probe_size` pixels.

    Raises:
        ConfigError: the encoder does not return a pyramid of N,C,H,W maps.

    >>> encoder_spec(nn.Sequential(nn.Conv2d(3, 8, 4, stride=4)))
    EncoderSpec(channels=(8,), strides=(4,))
    """
    if hasattr(encoder, "channels") and hasattr(encoder, "strides"):
        declared: Any = encoder
        return EncoderSpec(declared.channels, declared.strides)
    training = {module: module.training for module in encoder.modules()}
    encoder.eval()
    parameter = next(encoder.parameters())
    with torch.no_grad():
        maps = encoder(parameter.new_zeros(1, 3, probe_size, probe_size))
    # Restored part by part, because an encoder may keep some in eval mode (frozen stages).
    for module, mode in training.items():
        module.training = mode
    maps = [maps] if isinstance(maps, torch.Tensor) else list(maps)
    for level in maps:
        if not isinstance(level, torch.Tensor) or level.dim() != 4:
            found = getattr(level, "shape", type(level).__name__)
            raise ConfigError(
                f"{type(encoder).__name__} must return a tuple of N,C,H,W feature maps, but a "
                f"level is {found}. Set its options so that it returns a feature pyramid."
            )
    return EncoderSpec(
        tuple(level.shape[1] for level in maps),
        tuple(round(probe_size / level.shape[3]) for level in maps),
    )
