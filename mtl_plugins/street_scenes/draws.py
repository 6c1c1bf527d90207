"""Random draws of single things, several times faster than ``Generator.choice``."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

from .scenery import Colour

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T], weights: Sequence[float] = ()) -> T:
    """Draw one of the options, each as likely or with weights that sum to 1."""
    if not weights:
        return options[int(rng.integers(len(options)))]
    return options[bisect(list(accumulate(weights)), rng.uniform(), hi=len(options) - 1)]


def scaled(colour: Colour, factor: float) -> Colour:
    """Return a darker or brighter colour."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def pick_paint(
    rng: np.random.Generator, palette: Sequence[Colour], darkest: float, limits: tuple[float, float]
) -> Colour:
    """Draw a colour of the palette and vary its brightness, from ``darkest`` on, and its tint."""
    colour = scaled(pick(rng, palette), rng.uniform(darkest, 1.2))
    tint = rng.uniform(-0.03, 0.03, 3).tolist()
    low, high = limits
    return tuple(min(max(c + t, low), high) for c, t in zip(colour, tint, strict=True))
