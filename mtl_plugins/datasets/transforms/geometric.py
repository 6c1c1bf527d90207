"""Transforms that change the meaning of values too: flips, rotation, zoom."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import mmcv
import numpy as np
from mmseg.datasets.transforms import RandomFlip
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from ...models.preprocessing import FLIP
from ...targets import MIRRORED_AXES, MMSEG_LABELS, Target, loaded_targets
from .target_transform import (
    MEAN_COLOUR,
    TargetTransform,
    is_colour,
    is_number,
    is_range,
    require,
)

Pairs = Sequence[Sequence[int]]
"""Pairs of class ids."""


@TRANSFORMS.register_module()
class FlipTargets(RandomFlip):
    """Flip image and targets at random, and mirror vectors (directions and offsets).

    In a mirrored picture the world is mirrored: a wall that faced right faces left. mmseg's
    `RandomFlip` moves the normals' pixels without changing their x (vertical flips: y), and its
    `swap_seg_labels` also swaps depths that equal a class id.

    Args:
        prob: probability of a flip, 0 to 1, or one per direction.
        direction: "horizontal", "vertical" or "diagonal", or a list of them.
        swap_seg_labels: pairs of classes that are swapped in a flip, such as left and right arm;
            for another target than `semseg`, `{target: pairs}`.
        on_device: only draw; `MultiTaskDataPreprocessor` flips the batch in training. Put the
            transform last, before `PackTargets`: later transforms would get the unflipped sample.

    Raises:
        ConfigError: an argument has another form; `on_device` together with `swap_seg_labels`.

    Shapes: image H,W,3; targets H,W or H,W,3, listed in `seg_fields`.
    """

    def __init__(
        self,
        prob: float | Sequence[float] = 0.5,
        direction: str | Sequence[str] = "horizontal",
        swap_seg_labels: Pairs | Mapping[str, Pairs] | None = None,
        on_device: bool = False,
    ) -> None:
        if on_device and swap_seg_labels:
            raise ConfigError(
                "FlipTargets: on_device=True does not swap labels. Leave on_device or "
                f"swap_seg_labels={swap_seg_labels} out."
            )
        swapped: Any = swap_seg_labels or {}
        # Without a name they are those of mmseg's labels.
        self.swapped = dict(swapped) if isinstance(swapped, Mapping) else {MMSEG_LABELS: swapped}
        single = not isinstance(prob, (list, tuple))
        shares: Any = [prob] if single else prob
        names = [direction] if isinstance(direction, str) else direction
        require(
            all(is_number(share, 0, 1) for share in shares)
            and sum(shares) <= 1
            and set(names) <= set(MIRRORED_AXES)
            and (single or len(shares) == len(names))
            and all(len(pair) == 2 for pairs in self.swapped.values() for pair in pairs),
            "FlipTargets",
            f"a prob of 0 to 1, or one a direction that together are 1 at most; a direction of "
            f"{list(MIRRORED_AXES)}, or a list of them; swap_seg_labels of pairs of class ids",
            dict(prob=prob, direction=direction, swap_seg_labels=swap_seg_labels),
        )
        # mmcv accepts only lists, of float.
        super().__init__(
            float(shares[0]) if single else [float(share) for share in shares],
            direction if isinstance(direction, str) else list(direction),
        )
        self.on_device = on_device

    def _flip(self, results: dict) -> None:
        """Flip image and targets and negate the mirrored components, or leave it to the device."""
        if self.on_device:
            results[FLIP] = results["flip_direction"]
            # Nothing is flipped yet.
            results.update(flip=False, flip_direction=None)
            return
        super()._flip(results)
        axes = list(MIRRORED_AXES[results["flip_direction"]])
        for target in loaded_targets(results):
            values = results[target.array]
            if target.vector:
                values[..., axes] *= -1
            pairs = self.swapped.get(target.name) or self.swapped.get(target.array) or ()
            before = values.copy() if pairs else values
            for one, other in pairs:
                values[before == one] = other
                values[before == other] = one


@TRANSFORMS.register_module()
class RotateTargets(TargetTransform):
    """Rotate image and targets about the centre by a random angle, and turn vectors with them.

    This is a rotation of the camera about its optical axis: depth (along that axis) stays the same,
    x and y of normals and offsets rotate. The size stays; corners that leave it are lost, corners
    that enter are new area. mmseg's `RandomRotate` fills depth with 255 m and does not rotate
    normals.

    Args:
        degree: largest angle to either side in degrees, or (smallest, largest); positive is
            clockwise.
        prob: probability of a rotation, 0 to 1.

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
            dict(degree=degree, prob=prob, fill=fill),
        )
        super().__init__(fill)
        given: Any = degree
        self.degrees = (-given, given) if is_number(given) else tuple(given)
        self.prob = prob

    def draw(self, results: dict) -> float | None:
        angle = np.random.uniform(*self.degrees)
        return angle if np.random.random() < self.prob else None

    def apply(self, array: np.ndarray, drawn: float, fill: tuple, smooth: bool) -> np.ndarray:
        if array.ndim == 3 and array.shape[2] == 2:
            # OpenCV 5 rounds the places of two channels differently than those of one or three.
            three = np.concatenate([array, array[..., :1]], axis=2)
            return self.apply(three, drawn, (*fill, fill[0]), smooth)[..., :2]
        interpolation = "bilinear" if smooth else "nearest"
        return mmcv.imrotate(array, drawn, border_value=fill, interpolation=interpolation)

    def adjust(self, values: np.ndarray, target: Target, drawn: float) -> np.ndarray:
        """Rotate the x and y of vectors."""
        if target.vector:
            angle = np.deg2rad(drawn)
            matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            values[..., :2] = values[..., :2] @ matrix.T.astype(values.dtype)
        return values


@TRANSFORMS.register_module()
class ZoomTargets(TargetTransform):
    """Enlarge or shrink image and targets, and rescale depth accordingly.

    With `rescale_depth` the camera stays the same. Objects that appear s times as large are s times
    as near: depth is divided by s (https://arxiv.org/abs/1406.2283). Distances across the optical
    axis stay the same, so the scene is compressed along the axis, and the z of normals is
    multiplied by s before they are normalised. A network that infers metres from apparent size
    needs this; it holds for every distance. Without it the zoom is a lens of s times the focal
    length: depth and normals stay the same, as with mmseg's `RandomResize`. Offsets are in pixels
    and always multiplied by s.

    The size of the sample changes; nothing is cropped or padded, so add a `RandomCrop` after it.
    The image is interpolated bilinearly. Targets take the value at the nearest pixel centre, which
    keeps them aligned with the image; mmcv's `Resize` rounds down, up to half a pixel off.

    Args:
        factor: factor of the size (above 1 enlarges), or (smallest, largest) to draw from
            uniformly.
        rescale_depth: see above.

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
            dict(factor=factor, rescale_depth=rescale_depth),
        )
        super().__init__()
        self.factors: tuple[float, float] = tuple(factors)
        self.rescale_depth = rescale_depth

    def draw(self, results: dict) -> float:
        return float(np.random.uniform(*self.factors))

    def apply(self, array: np.ndarray, drawn: float, fill: tuple, smooth: bool) -> np.ndarray:
        """Return the array resized by the factor `drawn`, with at least one pixel."""
        height, width = (max(round(side * drawn), 1) for side in array.shape[:2])
        method = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
        return cv2.resize(array, (width, height), interpolation=method)

    def adjust(self, values: np.ndarray, target: Target, drawn: float) -> np.ndarray:
        """Scale offsets, divide distances by the factor, and compress normals along the axis."""
        if target.type == "offset":
            return values * np.float32(drawn)
        if not self.rescale_depth:
            return values
        if target.distance:
            return values / np.float32(drawn)
        if target.type == "direction":
            # The new length of unit vectors; invalid ones (0, 0, 0) stay invalid.
            length = np.sqrt(1 + np.float32(drawn**2 - 1) * values[..., 2] ** 2)
            values[..., 2] *= drawn
            return values / length[..., None]
        return values
