"""Channels and strides of pyramids, and separate encoders for the tasks."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import lcm
from typing import Any

import torch
from mmengine.model import BaseModule, ModuleDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ..preprocessing import RGB_CHANNELS
from .channels import accept_colour_weights

PerLevel = tuple[int, ...]

Strides = tuple[float, ...]
"""Strides of the levels; 3.5 is that of patches of 14 pixels that a neck enlarged fourfold."""


@dataclass(frozen=True)
class EncoderSpec:
    """Hold channels and strides of a pyramid's levels, by task if each has its own encoder.

    Args:
        channels, strides: of each level.
        fixed_size: the one size of images (H, W) that the encoder takes; None: it takes others.
        largest_size: the largest size of images (H, W); None: there is no limit but `fixed_size`.
    """

    channels: PerLevel | dict[str, PerLevel]
    strides: Strides | dict[str, Strides]
    fixed_size: tuple[int, int] | None = None
    largest_size: tuple[int, int] | None = None

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


def encoder_spec(encoder: nn.Module, channels: int = RGB_CHANNELS) -> EncoderSpec:
    """Read an encoder's declared channels and strides, or measure them with one small image.

    Encoders of this package declare `channels` and `strides`. Others, such as mmseg's backbones,
    are run on a zero image of a size that they accept and whose sides all strides divide.

    Args:
        encoder: the encoder.
        channels: number of channels of its images.

    Raises:
        ConfigError: no size was found, or the encoder does not return a pyramid of N,C,H,W maps.

    >>> encoder_spec(nn.Sequential(nn.Conv2d(3, 8, 14, stride=14)))
    EncoderSpec(channels=(8,), strides=(14,), fixed_size=None, largest_size=None)
    """
    if hasattr(encoder, "channels") and hasattr(encoder, "strides"):
        declared: Any = encoder
        sizes = (getattr(encoder, name, None) for name in ("fixed_size", "largest_size"))
        return EncoderSpec(declared.channels, declared.strides, *sizes)
    training = {module: module.training for module in encoder.modules()}
    encoder.eval()
    try:
        return _measure(encoder, channels)
    finally:
        # Restored part by part, because an encoder may keep some in eval mode (frozen stages).
        for module, mode in training.items():
            module.training = mode


def feature_levels(maps: Any) -> tuple[Any, ...]:
    """Return what an encoder returned as a tuple of maps.

    A single map is one level. Of a map and its class token, as vision transformers of mmseg return
    with `output_cls_token`, the map counts.
    """
    if isinstance(maps, Tensor):
        return (maps,)
    return tuple(level[0] if isinstance(level, (list, tuple)) else level for level in maps)


def encoder_name(encoder: nn.Module) -> str:
    """Name an encoder in errors; an encoder and its neck by both."""
    parts = encoder if isinstance(encoder, nn.Sequential) else [encoder]
    return " with ".join(type(part).__name__ for part in parts)


def _measure(encoder: nn.Module, channels: int) -> EncoderSpec:
    """Run an encoder on images of several sizes until its strides are known."""
    failures: list[str] = []
    cause: Exception | None = None
    rounded: EncoderSpec | None = None
    for height, width in _probe_sizes(encoder):
        try:
            maps = _run(encoder, channels, height, width)
        except Exception as error:  # each encoder refuses a size in its own way
            cause = cause or error
            reason = str(error).strip().partition("\n")[0]
            failures.append(f"{height} x {width} ({type(error).__name__}: {reason})")
            continue
        spec, exact = _measured(encoder, maps, height, width)
        if spec is not None and exact:
            doubted = cause is not None or (height, width) in _built_for(encoder)
            fixed = doubted and not _takes_others(encoder, spec, channels, height, width)
            return replace(spec, fixed_size=(height, width) if fixed else None)
        rounded = spec
        failures.append(f"{height} x {width} (the maps' sides do not divide the image's)")
    if rounded is not None and cause is None:
        return rounded  # of the largest image, where one row more changes a stride least
    raise ConfigError(
        f"{encoder_name(encoder)}: its strides could not be measured; tried images of "
        f"{', '.join(failures)}. Set its image size (img_size), or give the class attributes "
        "`channels` and `strides` with one number for each level."
    ) from cause


def _run(encoder: nn.Module, channels: int, height: int, width: int) -> Any:
    like = next(encoder.parameters(), torch.empty(0))
    with torch.no_grad():
        return encoder(like.new_zeros(1, channels, height, width))


def _takes_others(
    encoder: nn.Module, spec: EncoderSpec, channels: int, height: int, width: int
) -> bool:
    """Return whether an encoder takes images that are one step smaller or larger than this size."""
    for step in (-spec.size_divisor, spec.size_divisor):
        with suppress(Exception):
            _run(encoder, channels, height + step, width + step)
            return True
    return False


def _probe_sizes(encoder: nn.Module) -> list[tuple[int, int]]:
    """Return the sizes (height, width) with which an encoder is measured, the best first.

    The first is a multiple of the strides of all layers. Then come the sizes that the encoder and
    its parts were built for, and the usual ones.
    """
    steps: set[int] = {DEEPEST}
    for module in encoder.modules():
        steps |= set(_pair(getattr(module, "stride", None)) or ())
        steps |= set(_pair(getattr(module, "patch_size", None)) or ())
    side = lcm(*steps)
    if side > max(USUAL_SIZES):
        side = DEEPEST  # an image of that size would cost too much
    first = -(-PROBE_SIZE // side) * side
    sizes = [(first, first), *_built_for(encoder), *((each, each) for each in USUAL_SIZES)]
    return list(dict.fromkeys(sizes))


def _built_for(encoder: nn.Module) -> list[tuple[int, int]]:
    """Return the sizes (height, width) that an encoder and its parts name."""
    names = ("fixed_size", "img_size")
    found = (_pair(getattr(part, name, None)) for part in encoder.modules() for name in names)
    return [size for size in found if size is not None]


def _pair(value: Any) -> tuple[int, int] | None:
    """Return a number or a pair of numbers as a pair; None for anything else, and for 0.

    >>> _pair(14), _pair([7, 8]), _pair("auto")
    ((14, 14), (7, 8), None)
    """
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    whole = len(pair) == 2 and all(isinstance(side, int) and side > 0 for side in pair)
    return (pair[0], pair[1]) if whole else None


def _measured(
    encoder: nn.Module, maps: Any, height: int, width: int
) -> tuple[EncoderSpec | None, bool]:
    """Return the spec of the maps of an image, and whether every stride is exact.

    Necks enlarge maps twofold or fourfold, so that an exact stride is a number of quarters. An
    encoder may round up: a map of 9 rows for 128 has the stride 14.2. There is no spec where rows
    and columns differ in the nearest whole stride.

    Args:
        maps: what the encoder returned: a pyramid, or one for each task.
        height, width: of the image.

    Raises:
        ConfigError: they are no pyramid of N,C,H,W maps.
    """
    if isinstance(maps, Mapping):
        found = {task: _measured(encoder, each, height, width) for task, each in maps.items()}
        specs: Any = {task: spec for task, (spec, _) in found.items()}
        if None in specs.values():
            return None, False
        channels = {task: spec.channels for task, spec in specs.items()}
        strides = {task: spec.strides for task, spec in specs.items()}
        return EncoderSpec(channels, strides), all(exact for _, exact in found.values())
    levels = feature_levels(maps)
    for level in levels:
        if not isinstance(level, Tensor) or level.dim() != 4:
            kind = tuple(getattr(level, "shape", ())) or type(level).__name__
            raise ConfigError(
                f"{encoder_name(encoder)} must return a tuple of N,C,H,W feature maps, but a "
                f"level is {kind}. Set its options so that it returns a feature pyramid."
            )
    sides = [tuple(level.shape[2:]) for level in levels]
    ratios = [(height / max(rows, 1), width / max(columns, 1)) for rows, columns in sides]
    exact = all(down == across and (4 * down).is_integer() for down, across in ratios)
    steps = [down if exact else round(down) for down, _ in ratios]
    if 0 in steps or (not exact and steps != [round(across) for _, across in ratios]):
        return None, False
    whole = tuple(int(step) if step == int(step) else step for step in steps)
    return EncoderSpec(tuple(level.shape[1] for level in levels), whole), exact


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
        configs = {
            task: {**({} if "type" in own else encoder), **own} for task, own in tasks.items()
        }
        self.encoders = ModuleDict({task: MODELS.build(each) for task, each in configs.items()})
        channels = {task: each.get("in_channels", RGB_CHANNELS) for task, each in configs.items()}
        specs = {
            task: encoder_spec(module, channels[task]) for task, module in self.encoders.items()
        }
        for task, module in self.encoders.items():
            accept_colour_weights(module, module, channels[task])
        self.channels = {task: spec.channels for task, spec in specs.items()}
        self.strides = {task: spec.strides for task, spec in specs.items()}
        sizes = {spec.fixed_size for spec in specs.values() if spec.fixed_size}
        if len(sizes) > 1:
            raise ConfigError(
                f"TaskEncoders: the encoders take images of different sizes alone, {sorted(sizes)}."
                " Set their img_size to one size."
            )
        self.fixed_size = next(iter(sizes), None)
        largest = [spec.largest_size for spec in specs.values() if spec.largest_size]
        self.largest_size = tuple(map(min, zip(*largest, strict=True))) if largest else None

    def forward(self, images: Tensor) -> dict[str, tuple[Tensor, ...]]:
        return {task: feature_levels(encoder(images)) for task, encoder in self.encoders.items()}
