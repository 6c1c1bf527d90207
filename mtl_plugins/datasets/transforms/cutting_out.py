"""Hiding parts of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.registry import TRANSFORMS

from .arguments import MEAN_COLOUR, is_colour, is_number, is_range, is_size, require
from .target_transform import TargetTransform


@TRANSFORMS.register_module()
class CutOutTargets(TargetTransform):
    """Cut holes into image and targets (https://arxiv.org/abs/1708.04552).

    Within a hole every target is invalid, always: what cannot be seen is no target. mmseg's
    `RandomCutOut` keeps them unless told otherwise, then fills depth with the number of the labels,
    and takes (width, height).

    Args:
        size: (height, width) of a hole in pixels. Its centre is anywhere in the image, so that a
            hole at the border is smaller.
        n_holes: number of holes, or (fewest, most).
        min_size: draw the sides of each hole between these and those of `size`; default: `size`.
        prob: probability that there are holes, 0 to 1.
        fill: colour (blue, green, red) of holes in the image; default: the mean colour.

    Raises:
        ConfigError: an argument is not what is said above.
    """

    def __init__(
        self,
        size: Sequence[int],
        n_holes: int | Sequence[int] = 1,
        min_size: Sequence[int] | None = None,
        prob: float = 0.5,
        fill: Sequence[float] = MEAN_COLOUR,
    ) -> None:
        holes: Any = (n_holes, n_holes) if is_number(n_holes) else n_holes
        least = size if min_size is None else min_size
        sizes = is_size(size) and is_size(least) and least[0] <= size[0] and least[1] <= size[1]
        counts = is_range(holes, 1) and all(isinstance(n, int) for n in holes)
        require(
            sizes and counts and is_number(prob, 0, 1) and is_colour(fill),
            "CutOutTargets",
            "size and min_size (height, width) in pixels, min_size not above size; n_holes of 1 or "
            "more, or (fewest, most); prob of 0 to 1; fill of three intensities of 0 to 255 (blue, "
            "green, red)",
            size=size,
            n_holes=n_holes,
            min_size=min_size,
            prob=prob,
            fill=fill,
        )
        super().__init__(fill)
        self.sizes = tuple(least), tuple(size)
        self.n_holes: tuple[int, int] = tuple(holes)
        self.prob = prob

    def draw(self, results: dict) -> list[tuple[slice, slice]] | None:
        """Return the rows and columns of each hole."""
        if np.random.random() >= self.prob:
            return None
        shape = results["img"].shape[:2]
        least, most = self.sizes
        count = np.random.randint(self.n_holes[0], self.n_holes[1] + 1)
        return [
            (_hidden(shape[0], least[0], most[0]), _hidden(shape[1], least[1], most[1]))
            for _ in range(count)
        ]

    def apply(
        self, array: np.ndarray, drawn: list[tuple[slice, slice]], fill: tuple, smooth: bool
    ) -> np.ndarray:
        """Return a copy with holes."""
        cut = array.copy()
        for hole in drawn:
            cut[hole] = fill if array.ndim == 3 else fill[0]
        return cut


def _hidden(side: int, least: int, most: int) -> slice:
    """Return what a hole hides of one side of the image."""
    length = np.random.randint(least, most + 1)
    start = np.random.randint(side) - length // 2
    return slice(max(start, 0), start + length)
