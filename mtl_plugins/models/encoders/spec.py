"""Channels and strides of pyramids, and separate encoders for the tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from mmengine.model import BaseModule, ModuleDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError

PerLevel = tuple[int, ...]

Strides = tuple[float, ...]
"""Strides of the levels; 3.5 is that of patches of 14 pixels that a neck enlarged fourfold."""


@dataclass(frozen=True)
class EncoderSpec:
    """Hold channels and strides of a pyramid's levels, by task if each has its own encoder."""

    channels: PerLevel | dict[str, PerLevel]
    strides: Strides | dict[str, Strides]

    @property
    def size_divisor(self) -> int:
        """Number that divides an image's sides if every level is exactly side / stride.

        >>> EncoderSpec((8, 8), (3.5, 14)).size_divisor
        14
        """
        by_task = self.strides.values() if isinstance(self.strides, dict) else [self.strides]
        ratios = (float(stride).as_integer_ratio() for strides in by_task for stride in strides)
        # A multiple of 7 is a multiple of 7 / 2, too.
        return lcm(*(numerator for numerator, _ in ratios))


PROBE_SIZE = 128
"""Least side, in pixels, of the image that measures an encoder."""

DEEPEST = 32
"""Stride that the side of this image is a multiple of, if the encoder's layers say nothing else."""

USUAL_SIZES = (224, 256, 384, 512)
"""Sides that encoders of fixed size are usually built for."""


def encoder_spec(encoder: nn.Module) -> EncoderSpec:
    """Read an encoder's declared channels and strides, or measure them with one small image.

    Encoders of this package declare `channels` and `strides`. Others, such as mmseg's backbones,
    are run on a zero image of a size that they accept and whose sides all strides divide.

    Raises:
        ConfigError: no size was found, or the encoder does not return a pyramid of N,C,H,W maps.

    >>> encoder_spec(nn.Sequential(nn.Conv2d(3, 8, 14, stride=14)))
    EncoderSpec(channels=(8,), strides=(14,))
    """
    if hasattr(encoder, "channels") and hasattr(encoder, "strides"):
        declared: Any = encoder
        return EncoderSpec(declared.channels, declared.strides)
    training = {module: module.training for module in encoder.modules()}
    encoder.eval()
    like = next(encoder.parameters(), torch.empty(0))
    failures: list[str] = []
    cause: Exception | None = None
    try:
        for height, width in _probe_sizes(encoder):
            try:
                with torch.no_grad():
                    maps = encoder(like.new_zeros(1, 3, height, width))
            except Exception as error:  # each encoder refuses a size in its own way
                cause = cause or error
                reason = str(error).strip().partition("\n")[0]
                failures.append(f"{height} x {width} ({type(error).__name__}: {reason})")
                continue
            if (spec := _measured(encoder, maps, height, width)) is not None:
                return spec
            failures.append(f"{height} x {width} (the maps' sides do not divide the image's)")
    finally:
        # Restored part by part, because an encoder may keep some in eval mode (frozen stages).
        for module, mode in training.items():
            module.training = mode
    raise ConfigError(
        f"{type(encoder).__name__}: its strides could not be measured; tried images of "
        f"{', '.join(failures)}. Set its image size (img_size), or give the class attributes "
        "`channels` and `strides` with one number for each level."
    ) from cause


def _probe_sizes(encoder: nn.Module) -> list[tuple[int, int]]:
    """Return the sizes (height, width) with which an encoder is measured, the best first.

    The first is a multiple of the strides of all layers. Then come the sizes that the encoder and
    its parts were built for, and the usual ones.
    """
    steps: set[int] = {DEEPEST}
    built_for: list[tuple[int, int] | None] = []
    for module in encoder.modules():
        steps |= set(_pair(getattr(module, "stride", None)) or ())
        steps |= set(_pair(getattr(module, "patch_size", None)) or ())
        built_for += [_pair(getattr(module, name, None)) for name in ("fixed_size", "img_size")]
    side = lcm(*steps)
    if side > max(USUAL_SIZES):
        side = DEEPEST  # an image of that size would cost too much
    first = -(-PROBE_SIZE // side) * side
    sizes = [(first, first), *filter(None, built_for), *((each, each) for each in USUAL_SIZES)]
    return list(dict.fromkeys(sizes))


def _pair(value: Any) -> tuple[int, int] | None:
    """Return a number or a pair of numbers as a pair; None for anything else, and for 0.

    >>> _pair(14), _pair([7, 8]), _pair("auto")
    ((14, 14), (7, 8), None)
    """
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    whole = len(pair) == 2 and all(isinstance(side, int) and side > 0 for side in pair)
    return (pair[0], pair[1]) if whole else None


def _measured(encoder: nn.Module, maps: Any, height: int, width: int) -> EncoderSpec | None:
    """Return the spec of the maps of an image; None where a stride is no number of quarters.

    Args:
        maps: what the encoder returned: a pyramid, or one for each task.
        height, width: of the image.

    Raises:
        ConfigError: they are no pyramid of N,C,H,W maps.
    """
    if isinstance(maps, Mapping):
        specs: Any = {t: _measured(encoder, each, height, width) for t, each in maps.items()}
        if None in specs.values():
            return None
        return EncoderSpec(
            {task: spec.channels for task, spec in specs.items()},
            {task: spec.strides for task, spec in specs.items()},
        )
    levels = [maps] if isinstance(maps, Tensor) else list(maps)
    strides: list[float] = []
    for level in levels:
        if not isinstance(level, Tensor) or level.dim() != 4:
            found = tuple(getattr(level, "shape", ())) or type(level).__name__
            raise ConfigError(
                f"{type(encoder).__name__} must return a tuple of N,C,H,W feature maps, but a "
                f"level is {found}. Set its options so that it returns a feature pyramid."
            )
        stride = height / max(level.shape[2], 1)
        # Necks enlarge maps twofold or fourfold.
        if stride * level.shape[3] != width or not (4 * stride).is_integer():
            return None
        strides.append(int(stride) if stride.is_integer() else stride)
    return EncoderSpec(tuple(level.shape[1] for level in levels), tuple(strides))


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
        self.encoders = ModuleDict(
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
