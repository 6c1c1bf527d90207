"""Mirroring images together with targets that point somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.datasets.transforms import RandomFlip
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from ...targets import DENSE_TARGETS, MIRRORED_AXES, SEMSEG
from .arguments import is_number, require
from .target_transform import require_decoded, turn_vectors


@TRANSFORMS.register_module()
class FlipTargets(RandomFlip):
    """Flip image and targets at random, and turn the vectors of normals with them.

    In a mirrored picture the world is mirrored: a wall that faced right faces left. mmseg's
    `RandomFlip` moves the normals' pixels but leaves their x (flipped vertically: y) as it was, and
    its `swap_seg_labels` swaps depths too, where they equal a class id.

    Args:
        prob: probability of a flip, 0 to 1, or one a direction.
        direction: "horizontal", "vertical" or "diagonal", or a list of them.
        swap_seg_labels: pairs of classes that are swapped in a flip, such as left and right arm.
        on_device: only draw; `MultiTaskDataPreprocessor` flips the batch in training. Put it last,
            before `PackTargets`: what comes after it would see the sample as it was.

    Raises:
        ConfigError: an argument is not what is said above; `on_device` together with
            `swap_seg_labels`; while flipping, a target is not decoded yet.

    Shapes: image H,W,3; targets H,W or H,W,3, listed in `seg_fields`.
    """

    def __init__(
        self,
        prob: float | Sequence[float] = 0.5,
        direction: str | Sequence[str] = "horizontal",
        swap_seg_labels: Sequence[Sequence[int]] | None = None,
        on_device: bool = False,
    ) -> None:
        if on_device and swap_seg_labels:
            raise ConfigError(
                "FlipTargets: on_device=True does not swap labels. Leave on_device or "
                f"swap_seg_labels={swap_seg_labels} out."
            )
        single = not isinstance(prob, (list, tuple))
        shares: Any = [prob] if single else prob
        names = [direction] if isinstance(direction, str) else direction
        require(
            all(is_number(share, 0, 1) for share in shares)
            and sum(shares) <= 1
            and set(names) <= set(MIRRORED_AXES)
            and (single or len(shares) == len(names))
            and all(len(pair) == 2 for pair in swap_seg_labels or ()),
            "FlipTargets",
            f"a prob of 0 to 1, or one a direction that together are 1 at most; a direction of "
            f"{list(MIRRORED_AXES)}, or a list of them; swap_seg_labels of pairs of class ids",
            prob=prob,
            direction=direction,
            swap_seg_labels=swap_seg_labels,
        )
        # mmcv accepts lists of float alone.
        super().__init__(
            float(shares[0]) if single else [float(share) for share in shares],
            direction if isinstance(direction, str) else list(direction),
        )
        self.swapped = swap_seg_labels or ()
        self.on_device = on_device

    def _flip(self, results: dict) -> None:
        """Flip everything, then negate the mirrored components; or leave it to the device."""
        if self.on_device:
            results["device_flip"] = results["flip_direction"]
            # Nothing is flipped yet.
            results.update(flip=False, flip_direction=None)
            return
        require_decoded(results, self)
        super()._flip(results)
        axes = list(MIRRORED_AXES[results["flip_direction"]])
        fields = results.get("seg_fields", ())

        def mirror(vectors: np.ndarray) -> None:
            vectors[..., axes] *= -1

        for target in DENSE_TARGETS.values():
            if target.vector and target.array in fields:
                turn_vectors(results[target.array], target, mirror)
        if SEMSEG.array in fields:
            self._swap(results[SEMSEG.array])

    def _swap(self, labels: np.ndarray) -> None:
        """Swap class ids in place."""
        before = labels.copy() if self.swapped else labels
        for one, other in self.swapped:
            labels[before == one] = other
            labels[before == other] = one
