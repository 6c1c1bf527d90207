"""Turning the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mmcv
import numpy as np
from mmseg.registry import TRANSFORMS

from ...targets import DenseTarget
from .arguments import MEAN_COLOUR, is_colour, is_number, is_range, require
from .target_transform import TargetTransform, turn_vectors


@TRANSFORMS.register_module()
class RotateTargets(TargetTransform):
    """Turn the picture about its centre by a random angle, and the vectors of normals with it.

    The camera is turned about its optical axis: depth (along that axis) stays what it was, the x
    and y of normals turn. The size stays; corners that leave it are lost, corners that come in are
    new area. mmseg's `RandomRotate` fills depth with 255 m and does not turn normals.

    Args:
        degree: largest angle to either side in degrees, or (smallest, largest); positive angles
            turn clockwise.
        prob: probability of a turn, 0 to 1.
        fill: colour (blue, green, red) of new area in the image; default: the mean colour.

    Raises:
        ConfigError: an argument is not what is said above.

    >>> turn = RotateTargets(degree=(90, 90), prob=1.0)
    >>> depth = np.array([[1, 2], [3, 4]], np.float32)
    >>> sample = dict(img=np.zeros((2, 2, 3), np.uint8), gt_depth_map=depth,
    ...               seg_fields=['gt_depth_map'])
    >>> turn(sample)['gt_depth_map'].tolist()
    [[3.0, 1.0], [4.0, 2.0]]
    """

    def __init__(
        self,
        degree: float | Sequence[float],
        prob: float = 0.5,
        fill: Sequence[float] = MEAN_COLOUR,
    ) -> None:
        require(
            (is_number(degree, 0) or is_range(degree))
            and is_number(prob, 0, 1)
            and is_colour(fill),
            "RotateTargets",
            "degree of 0 or more, or (smallest, largest); prob of 0 to 1; fill of three "
            "intensities of 0 to 255 (blue, green, red)",
            degree=degree,
            prob=prob,
            fill=fill,
        )
        super().__init__(fill)
        given: Any = degree
        self.degrees = (-given, given) if is_number(given) else tuple(given)
        self.prob = prob

    def draw(self, results: dict) -> float | None:
        """Return an angle in degrees."""
        angle = np.random.uniform(*self.degrees)
        return angle if np.random.random() < self.prob else None

    def apply(self, array: np.ndarray, drawn: float, fill: tuple, smooth: bool) -> np.ndarray:
        """Return the array turned clockwise by `drawn` degrees."""
        interpolation = "bilinear" if smooth else "nearest"
        return mmcv.imrotate(array, drawn, border_value=fill, interpolation=interpolation)

    def adjust(self, values: np.ndarray, target: DenseTarget, drawn: float) -> np.ndarray:
        """Turn vectors; pixels without one stay without."""
        angle = np.deg2rad(drawn)
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

        def turn(vectors: np.ndarray) -> None:
            vectors[..., :2] = vectors[..., :2] @ matrix.T.astype(vectors.dtype)

        if target.vector:
            turn_vectors(values, target, turn)
        return values
