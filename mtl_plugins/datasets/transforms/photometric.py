"""Changing colours, drawn for each sample and applied to the whole batch on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError

LUMA = np.array([0.114, 0.587, 0.299])
"""Share of blue, green and red in brightness (ITU-R BT.601)."""

YIQ = np.array([LUMA[::-1], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])[:, ::-1]
"""From blue, green, red to brightness and the plane of hues."""


@TRANSFORMS.register_module()
class PhotometricJitter(BaseTransform):
    """Draw a change of brightness, contrast, saturation and hue, which the device then applies.

    All four are affine in the colour, so that one 3x4 matrix, `device_colors`, holds them:
    `MultiTaskDataPreprocessor` multiplies the batch by the matrices and clips to 0..255. mmseg's
    `PhotoMetricDistortion` does the like on the CPU, pixel by pixel in HSV. Each change is drawn
    with probability `prob`, uniformly from its range.

    Args:
        brightness: largest intensity (of 0..255) that is added or taken away, 0 or more.
        contrast: smallest and largest factor of all intensities, 0 or more.
        saturation: smallest and largest factor of the distance from grey, 0 or more.
        hue: largest turn of the hue in degrees (of 360), in the plane of YIQ, 0 or more.
        prob: probability of each change, 0 to 1.

    Raises:
        ConfigError: an argument is not what is said above.
    """

    on_device = True

    def __init__(
        self,
        brightness: float = 32,
        contrast: Sequence[float] = (0.5, 1.5),
        saturation: Sequence[float] = (0.5, 1.5),
        hue: float = 18,
        prob: float = 0.5,
    ) -> None:
        ranges = all(len(r) == 2 and 0 <= r[0] <= r[1] for r in (contrast, saturation))
        if not ranges or min(brightness, hue) < 0 or not 0 <= prob <= 1:
            raise ConfigError(
                f"PhotometricJitter: brightness={brightness}, contrast={contrast}, saturation="
                f"{saturation}, hue={hue}, prob={prob}; expected numbers of 0 or more, ranges "
                "(smallest, largest) of factors of 0 or more, and a prob of 0 to 1."
            )
        self.brightness = brightness
        self.contrast = contrast[0], contrast[1]
        self.saturation = saturation[0], saturation[1]
        self.hue = hue
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Add `device_colors`, 3x4 float32: new BGR = colors[:, :3] @ BGR + colors[:, 3]."""
        colors = np.eye(3, 4)
        if self._drawn():
            colors[:, 3] += np.random.uniform(-self.brightness, self.brightness)
        if self._drawn():
            colors *= np.random.uniform(*self.contrast)
        if self._drawn():
            colors = saturating(np.random.uniform(*self.saturation)) @ colors
        if self._drawn():
            colors = hue_turning(np.random.uniform(-self.hue, self.hue)) @ colors
        results["device_colors"] = colors.astype(np.float32)
        return results

    def _drawn(self) -> bool:
        return np.random.random() < self.prob


def saturating(factor: float) -> np.ndarray:
    """Return the 3x3 matrix that moves BGR colours away from grey of the same brightness.

    >>> (saturating(0.0) @ [10, 10, 10]).round(6).tolist()
    [10.0, 10.0, 10.0]
    """
    return factor * np.eye(3) + (1 - factor) * np.tile(LUMA, (3, 1))


def hue_turning(degrees: float) -> np.ndarray:
    """Return the 3x3 matrix that turns the hue of BGR colours and keeps their brightness."""
    angle = np.deg2rad(degrees)
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.linalg.inv(YIQ) @ turn @ YIQ
