"""Zooming in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmseg.registry import TRANSFORMS

from ...targets import DEPTH, NORMALS, DenseTarget
from .arguments import is_number, is_range, require
from .target_transform import TargetTransform


@TRANSFORMS.register_module()
class ZoomTargets(TargetTransform):
    """Enlarge or shrink the picture, and say what that does to depth.

    With `rescale_depth` the camera stays the same. What appears s times as large in it is s times
    as near: depth is divided by s (https://arxiv.org/abs/1406.2283). Beside the optical axis
    everything stays where it was, so the world is pressed towards the camera, and the z of normals
    is multiplied by s before they are brought back to length 1. A network that shall tell metres by
    apparent size needs this. Without it the picture is one of a lens with s times the focal length:
    depth and normals stay as they are, as with mmseg's `RandomResize`.

    The size changes with the picture, and nothing is cut or padded: let a `RandomCrop` follow.
    The image is bilinear. Targets take the value of the nearest pixel centre, so that they stay
    on their image exactly; mmcv's `Resize` rounds down, up to half a pixel off.

    Args:
        factor: how much larger (above 1) or smaller (below 1) everything becomes, or (smallest,
            largest) to draw from uniformly.
        rescale_depth: see above.

    Raises:
        ConfigError: an argument is not what is said above.

    >>> sample = dict(img=np.zeros((2, 3, 3), np.uint8), seg_fields=['gt_depth_map'],
    ...               gt_depth_map=np.full((2, 3), 10, np.float32))
    >>> near = ZoomTargets(2.0)(sample)['gt_depth_map']
    >>> near.shape, float(near[0, 0])
    ((4, 6), 5.0)
    """

    def __init__(self, factor: float | Sequence[float], rescale_depth: bool = True) -> None:
        factors: Any = (factor, factor) if is_number(factor) else factor
        require(
            is_range(factors, 0) and factors[0] > 0 and isinstance(rescale_depth, bool),
            "ZoomTargets",
            "a factor above 0 or (smallest, largest), and rescale_depth True or False",
            factor=factor,
            rescale_depth=rescale_depth,
        )
        super().__init__()
        self.factors: tuple[float, float] = tuple(factors)
        self.rescale_depth = rescale_depth

    def draw(self, results: dict) -> float:
        """Return the factor."""
        return float(np.random.uniform(*self.factors))

    def apply(self, array: np.ndarray, drawn: float, fill: tuple, smooth: bool) -> np.ndarray:
        """Return the array `drawn` times as large, at least one pixel."""
        height, width = (max(round(side * drawn), 1) for side in array.shape[:2])
        method = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
        return cv2.resize(array, (width, height), interpolation=method)

    def adjust(self, values: np.ndarray, target: DenseTarget, drawn: float) -> np.ndarray:
        """Bring depth nearer, and turn normals as the pressed world does."""
        if not self.rescale_depth:
            return values
        if target.kind == DEPTH.kind:
            return values / np.float32(drawn)
        if target.kind == NORMALS.kind:
            # Of unit vectors; none (0, 0, 0) stays none.
            length = np.sqrt(1 + np.float32(drawn**2 - 1) * values[..., 2] ** 2)
            values[..., 2] *= drawn
            return values / length[..., None]
        return values
