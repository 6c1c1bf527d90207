"""Weights of classes from the numbers of their pixels in the training data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError
from .findings import DataCheck
from .tallies import ClassTally

DIGITS = 4
"""Significant digits of a weight."""


def _enet(pixels: np.ndarray, areas: np.ndarray) -> np.ndarray:
    return 1 / np.log(1.02 + pixels / pixels.sum())


def _inverse(pixels: np.ndarray, areas: np.ndarray) -> np.ndarray:
    return pixels.sum() / (len(pixels) * pixels)


def _median(pixels: np.ndarray, areas: np.ndarray) -> np.ndarray:
    frequency = pixels / areas
    return np.median(frequency) / frequency


RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = dict(
    enet=_enet, inverse=_inverse, median=_median
)
"""Name -> weights of the classes that occur, from the pixels of each and the labelled pixels of the
images with it.

- `enet`: 1 / ln(1.02 + share of the pixels), from 1.4 to 50 (Paszke et al., *ENet*, 2016)
- `inverse`: 1 / (number of classes x share of the pixels)
- `median`: median of all frequencies / frequency, which is the share in the images with the class
  (Eigen and Fergus, *Predicting Depth, Surface Normals and Semantic Labels*, 2015)
"""


def weights_of(tally: ClassTally, rule: str = "enet") -> dict[str, float] | float:
    """Return the weight of each class of a target; of a mask, the weight of 1 relative to 0.

    A class that never occurs gets the largest weight of those that do, so that its first pixels
    count once they come.

    Args:
        tally: counts of the training data, with a labelled pixel at least.
        rule: one of `RULES`.

    >>> from mtl_plugins.targets import Target
    >>> tally = ClassTally(Target("edges", "binary"))
    >>> tally.add(np.array([[0, 0, 0, 1, 255]], np.uint8))
    >>> weights_of(tally, "inverse")    # three pixels of 0 for one of 1
    3.0
    """
    occurs = tally.class_pixels > 0
    found = RULES[rule](tally.class_pixels[occurs], tally.class_areas[occurs])
    weights = np.full(len(occurs), found.max())
    weights[occurs] = found
    if tally.target.type == "binary":
        return _rounded(weights[1] / weights[0])
    return dict(zip(tally.names, map(_rounded, weights), strict=True))


def _rounded(weight: float) -> float:
    return float(f"{weight:.{DIGITS}g}")


def training_weights(found: DataCheck, rule: str = "enet") -> dict[str, Any]:
    """Return the weights of every target of classes or masks of the training data, by its name.

    Data sets that the training joins are counted together, each once, whatever repeats it. A target
    without a labelled pixel is left out.

    Args:
        found: a check of data with the training split.
        rule: one of `RULES`.

    Raises:
        ConfigError: two data sets have different classes for one target.
        DataError: no target of classes or masks has a labelled pixel.
    """
    sums: dict[str, ClassTally] = {}
    for part in found.parts:
        if "train" not in part.splits or part.statistics is None:
            continue
        for name, tally in part.statistics.tallies.items():
            if not isinstance(tally, ClassTally) or not tally.valid_pixels:
                continue
            total = sums.setdefault(name, ClassTally(tally.target))
            if total.names != tally.names:
                raise ConfigError(
                    f"The training data have {name!r} with the classes {[*total.names]} and "
                    f"{[*tally.names]}. Give both the same, or different names."
                )
            total.class_pixels += tally.class_pixels
            total.class_areas += tally.class_areas
    if not sums:
        raise DataError(
            "The training data have no labelled pixel of classes or masks, so there are no weights."
        )
    return {name: weights_of(tally, rule) for name, tally in sums.items()}
