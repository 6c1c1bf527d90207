"""How a depth file's values become metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError
from ..structures import NO_DEPTH


class DepthFormat:
    """Decode raw depth values: `value = raw * scale + offset`, inverted for disparity.

    Everything that was not measured becomes 0: the raw values in `invalid`, NaN, infinite and
    non-positive values, and depths outside [min_depth, max_depth].

    Args:
        scale, offset: metres a raw step and at raw 0 (for 16-bit centimetres: scale 0.01).
        inverse: the value is an inverse depth: depth = 1 / value. With disparity in pixels, scale
            is 1 / (baseline * focal length).
        invalid: raw values that mean "not measured".
        min_depth, max_depth: metres outside which a pixel counts as not measured.

    >>> DepthFormat(scale=0.01)(np.array([[0, 250]], dtype=np.uint16)).tolist()
    [[0.0, 2.5]]
    >>> DepthFormat(scale=0.5, inverse=True)(np.array([[0, 4]])).tolist()
    [[0.0, 0.5]]
    """

    def __init__(
        self,
        scale: float = 1.0,
        offset: float = 0.0,
        inverse: bool = False,
        invalid: Sequence[float] = (0,),
        min_depth: float = 0.0,
        max_depth: float = float("inf"),
    ) -> None:
        if scale == 0:
            raise DataError("depth_format: scale=0 makes every depth the same; expected not 0.")
        self.scale = scale
        self.offset = offset
        self.inverse = inverse
        self.invalid = tuple(invalid)
        self.min_depth = min_depth
        self.max_depth = max_depth

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Return H,W float32 metres for the H,W raw values of the file `path`."""
        value = raw.astype(np.float64) * self.scale + self.offset
        valid = np.isfinite(value) & (value > 0) & ~np.isin(raw, self.invalid)
        value = np.where(valid, value, 1.0)
        depth = 1.0 / value if self.inverse else value
        valid &= (depth >= self.min_depth) & (depth <= self.max_depth)
        return np.where(valid, depth, NO_DEPTH).astype(np.float32)
