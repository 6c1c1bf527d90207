"""Depth as 16-bit integers, the way most data sets store it."""

from __future__ import annotations

import numpy as np

from ...errors import ConfigError
from ...targets import NO_DEPTH

LARGEST = 65535
"""Of 16 bits."""


def encode_depth(depth: np.ndarray, scale: float = 0.01) -> tuple[np.ndarray, int]:
    """Return depth in steps of `scale`, and how many pixels are too far for 16 bits.

    `DepthFormat(scale=scale)` reads the values back to within half a step. Without depth (0, nan)
    is 0; whatever has depth is at least 1; what is further than 65535 steps, or infinite, is 65535.

    Args:
        depth: H,W in metres, or the data's unit.
        scale: metres a step: 0.01 are centimetres up to 655.35 m, 1 / 256 is KITTI's up to 256 m.

    Raises:
        ConfigError: the scale is not above 0.

    >>> values, too_far = encode_depth(np.array([[0.0, 0.001, 12.344, 700.0]]))
    >>> values.tolist(), too_far
    ([[0, 1, 1234, 65535]], 1)
    """
    if not scale > 0:
        raise ConfigError(f"depth_scale={scale}; expected metres a step, above 0.")
    valid = depth > NO_DEPTH
    steps = np.rint(np.where(valid, depth, 0) / scale)
    too_far = steps > LARGEST
    values = np.where(valid, np.clip(steps, 1, LARGEST), 0).astype(np.uint16)
    return values, int(too_far.sum())
