"""What arguments of transforms may be, checked when a pipeline is built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import ConfigError

MEAN_COLOUR = (104, 116, 124)
"""ImageNet's mean, blue, green, red: what the preprocessor pads with, 0 after normalisation."""


def require(correct: bool, owner: str, expected: str, **given: Any) -> None:
    """Raise unless the arguments that were given are correct.

    Raises:
        ConfigError: they are not; it names the owner, its arguments and what was expected.
    """
    if not correct:
        arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
        raise ConfigError(f"{owner}({arguments}): expected {expected}.")


def is_number(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Return whether a value is a finite number between two others."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and least <= value <= most


def is_range(value: Any, least: float = -math.inf, most: float = math.inf) -> bool:
    """Return whether a value is (smallest, largest), both between two others."""
    return _numbers(value, 2, least, most) and value[0] <= value[1]


def is_size(value: Any) -> bool:
    """Return whether a value is (height, width) in pixels.

    >>> is_size((2, 3)), is_size((2, 0)), is_size((2, 3.5)), is_size("23")
    (True, False, False, False)
    """
    return _numbers(value, 2, 1) and all(isinstance(side, int) for side in value)


def is_colour(value: Any) -> bool:
    """Return whether a value is a colour, three intensities of 0 to 255."""
    return _numbers(value, 3, 0, 255)


def _numbers(value: Any, count: int, least: float, most: float = math.inf) -> bool:
    """Return whether a value is so many numbers, each between two others."""
    several = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == count
    return several and all(is_number(item, least, most) for item in value)
