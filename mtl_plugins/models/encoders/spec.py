"""Channels and strides of pyramids, and separate encoders for the tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

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


@MODELS.register_module()
class TaskEncoders(BaseModule):
    """Encode separately for each task, so that tasks share only the image.

    Needs an arrangement with one decoder per task, such as `BranchedHead`.

    Args:
        encoder: config of the encoders.
        tasks: changes of each task's encoder, `{task: {key: value}}`, laid over `encoder`; they
            replace it where they have a `type`.

    Shapes: (N, 3, H, W) -> `{task: pyramid}`; `channels` and `strides` are dicts by task, too.

    >>> encoders = TaskEncoders(dict(type='TimmEncoder', model_name='test_resnet'),
    ...     dict(semseg=dict(output_stride=8), depth=dict(output_stride=16)))
    >>> encoders.strides
    {'semseg': (4, 8, 8, 8), 'depth': (4, 8, 16, 16)}
    """

    def __init__(
        self, encoder: dict, tasks: Mapping[str, dict], init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not tasks:
            raise ConfigError(
                "TaskEncoders: tasks is empty; give a (possibly empty) dict per task."
            )
        self.encoders = nn.ModuleDict(
            {
                task: MODELS.build({**({} if "type" in own else encoder), **own})
                for task, own in tasks.items()
            }
        )
        specs = {task: encoder_spec(module) for task, module in self.encoders.items()}
        self.channels = {task: spec.channels for task, spec in specs.items()}
        self.strides = {task: spec.strides for task, spec in specs.items()}

    def forward(self, images: Tensor) -> dict[str, tuple[Tensor, ...]]:
        return {task: tuple(encoder(images)) for task, encoder in self.encoders.items()}
