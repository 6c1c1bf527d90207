"""Colour jitter, drawn for each sample and applied to the whole batch on the device."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...models.preprocessing import COLORS
from .target_transform import is_number, is_range, require

LUMA = np.array([0.114, 0.587, 0.299])
"""Weights of blue, green and red in brightness (ITU-R BT.601)."""

YIQ = np.array([LUMA[::-1], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])[:, ::-1]
"""Matrix from blue, green, red to brightness (Y) and the plane of hues (I, Q)."""


@TRANSFORMS.register_module()
class PhotometricJitter(BaseTransform):
    """Draw a change of brightness, contrast, saturation and hue, which the device then applies.

    All four are affine in the colour, so one 3x4 matrix, `device_colors`, combines them:
    `MultiTaskDataPreprocessor` multiplies the batch by the matrices and clips to 0..255. mmseg's
    `PhotoMetricDistortion` does similar work on the CPU, pixel by pixel in HSV. Each change is made
    with probability `prob` and drawn uniformly from its range.

    Args:
        brightness: largest intensity (of 0..255) to add or subtract, 0 or more.
        contrast: (smallest, largest) factor of all intensities, 0 or more.
        saturation: (smallest, largest) factor of the distance from grey, 0 or more.
        hue: largest rotation of the hue in degrees, in the plane of YIQ, 0 or more.
        prob: probability of each change, 0 to 1.

    Raises:
        ConfigError: an argument has another form.
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
        require(
            is_number(brightness, 0)
            and is_range(contrast, 0)
            and is_range(saturation, 0)
            and is_number(hue, 0)
            and is_number(prob, 0, 1),
            "PhotometricJitter",
            "brightness and hue of 0 or more; contrast and saturation (smallest, largest) factors "
            "of 0 or more; prob of 0 to 1",
            dict(
                brightness=brightness, contrast=contrast, saturation=saturation, hue=hue, prob=prob
            ),
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
        results[COLORS] = colors.astype(np.float32)
        return results

    def _drawn(self) -> bool:
        return np.random.random() < self.prob


def saturating(factor: float) -> np.ndarray:
    """Return the 3x3 matrix that scales the distance of BGR colours from grey of their brightness.

    >>> (saturating(0.0) @ [10, 10, 10]).round(6).tolist()
    [10.0, 10.0, 10.0]
    """
    return factor * np.eye(3) + (1 - factor) * np.tile(LUMA, (3, 1))


def hue_turning(degrees: float) -> np.ndarray:
    """Return the 3x3 matrix that rotates the hue of BGR colours and keeps their brightness."""
    angle = np.deg2rad(degrees)
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.linalg.inv(YIQ) @ turn @ YIQ
