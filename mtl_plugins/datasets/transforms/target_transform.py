"""The base of transforms that move pixels, and checks of transforms' arguments and samples."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import ConfigError
from ...models.preprocessing import RGB_CHANNELS
from ...targets import Target, loaded_targets

MEAN_COLOUR = (104, 116, 124)
"""ImageNet's mean (blue, green, red): 0 after normalisation, as the preprocessor's padding."""


class TargetTransform(BaseTransform):
    """Apply one random change to the image and every target of a sample.

    New area has no truth. A subclass draws the change in `draw`, applies it to an array in `apply`,
    and corrects values whose meaning it changes in `adjust` (rotation turns normals).

    Args:
        fill: colour (blue, green, red; 0 to 255) of new area in the image, and the intensities of
            further channels, which are 0 by default. In targets new area gets their invalid value
            (classes 255, depth and normals 0, see `targets.py`).

    Raises:
        ConfigError: an argument has another form; or, while transforming, a target has another
            size than the image, or `seg_fields` lists an array of no target.

    Shapes: image H,W,3 uint8 (float32 where it has more than 8 bits) or H,W,C; targets H,W or
    H,W,C, listed in `seg_fields`.
    """

    before_decoding = False
    """Whether the transform may come before `DecodeTargets`, because it only cuts; the data set
    checks the order."""

    def __init__(self, fill: Sequence[float] = MEAN_COLOUR) -> None:
        self.fill = tuple(fill)

    @abstractmethod
    def draw(self, results: dict) -> Any:
        """Draw the parameters of the change; None: leave the sample unchanged."""

    @abstractmethod
    def apply(self, array: np.ndarray, drawn: Any, fill: tuple, smooth: bool) -> np.ndarray:
        """Return the changed array.

        Args:
            array: H,W or H,W,C, possibly a read-only view.
            drawn: the result of `draw`.
            fill: value of new area, one number per channel.
            smooth: whether values may be interpolated: yes for the image, no for targets.
        """

    def adjust(self, values: np.ndarray, target: Target, drawn: Any) -> np.ndarray:
        """Correct the values of a moved target, if the change affects their meaning."""
        return values

    def _apply_to_image(self, image: np.ndarray, drawn: Any) -> np.ndarray:
        """Return the changed image; OpenCV takes few channels at a time, so the others follow."""
        channels = image.shape[2]
        fill = full_fill(self.fill, channels)
        if channels == RGB_CHANNELS:
            return self.apply(image, drawn, fill, smooth=True)
        parts = [(image[..., :RGB_CHANNELS], fill[:RGB_CHANNELS])]
        parts += [(image[..., c], fill[c : c + 1]) for c in range(RGB_CHANNELS, channels)]
        changed = (self.apply(np.ascontiguousarray(p), drawn, f, smooth=True) for p, f in parts)
        return np.dstack([*changed])

    def transform(self, results: dict) -> dict:
        """Change image and targets, and set `img_shape` and `ori_shape` (size of predictions)."""
        targets = targets_of(results, self)
        drawn = self.draw(results)
        if drawn is None:
            return results
        results["img"] = self._apply_to_image(results["img"], drawn)
        for target in targets:
            fill = (target.invalid,) * target.channels
            values = self.apply(results[target.array], drawn, fill, smooth=False)
            results[target.array] = self.adjust(values, target, drawn)
        shape = results["img"].shape[:2]
        results.update(img_shape=shape, ori_shape=shape)
        return results


def targets_of(results: dict, transform: BaseTransform) -> list[Target]:
    """Return the targets of a sample after checking that `transform` can change them.

    Raises:
        ConfigError: see `TargetTransform`.
    """
    name = type(transform).__name__
    targets = loaded_targets(results)
    unknown = sorted(set(results.get("seg_fields", ())) - {target.array for target in targets})
    if unknown:
        raise ConfigError(
            f"{name} does not know which value of {unknown} is invalid. Declare the target in the "
            "data set's targets (docs/datasets.md), or take it out of seg_fields."
        )
    size = results["img"].shape[:2]
    for target in targets:
        found = results[target.array].shape[:2]
        if found != size:
            raise ConfigError(
                f"{name}: {target.array} is {found[0]}x{found[1]} pixels, but its image "
                f"{size[0]}x{size[1]}. Put LoadTargets before whatever resizes or cuts the image."
            )
    return targets


def require(correct: bool, owner: str, expected: str, given: dict[str, Any]) -> None:
    """Raise unless the given arguments of a transform are correct.

    Raises:
        ConfigError: the message has the owner, its arguments and what was expected.
    """
    if not correct:
        arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
        raise ConfigError(f"{owner}({arguments}): expected {expected}.")


def is_number(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Return whether a value is a finite number in [least, most]."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and least <= value <= most


def is_range(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Return whether a value is (smallest, largest), both in [least, most]."""
    return _numbers(value, 2, least, most) and value[0] <= value[1]


def is_size(value: Any) -> bool:
    """Return whether a value is (height, width) in pixels.

    >>> is_size((2, 3)), is_size((2, 0)), is_size((2, 3.5)), is_size("23")
    (True, False, False, False)
    """
    return _numbers(value, 2, 1) and all(isinstance(side, int) for side in value)


def is_colour(value: Any) -> bool:
    """Return whether a value is a colour: three intensities of 0 to 255, or one more a channel."""
    size = len(value) if isinstance(value, Sequence) else 0
    return size >= RGB_CHANNELS and _numbers(value, size, 0, 255)


def full_fill(fill: tuple, channels: int) -> tuple:
    """Return the value of new area for each channel of an image: 0 where `fill` has none.

    Raises:
        ConfigError: it has more values than the image has channels.

    >>> full_fill((104, 116, 124), 5)
    (104, 116, 124, 0, 0)
    """
    if len(fill) > channels:
        raise ConfigError(f"fill={fill} has {len(fill)} values for images of {channels} channels.")
    return (*fill, *(0,) * (channels - len(fill)))


def _numbers(value: Any, count: int, least: float, most: float = math.inf) -> bool:
    """Return whether a value is a sequence of `count` numbers in [least, most]."""
    several = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == count
    return several and all(is_number(item, least, most) for item in value)
