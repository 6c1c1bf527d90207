"""Mirroring images together with targets that point somewhere."""

from __future__ import annotations

from mmseg.datasets.transforms import RandomFlip
from mmseg.registry import TRANSFORMS

from ...structures import DENSE_TARGETS, MIRRORED_AXES


@TRANSFORMS.register_module()
class FlipTargets(RandomFlip):
    """Flip image and targets at random, and turn the vectors of normals with them.

    In a mirrored picture the world is mirrored: a wall that faced right faces left. mmseg's
    `RandomFlip` moves the normals' pixels but leaves their x (flipped vertically: y) as it was.

    Args:
        prob: probability of a flip, or one a direction.
        direction: "horizontal", "vertical" or "diagonal", or a list of them.
        swap_seg_labels: pairs of left and right classes to swap, see mmseg.

    Shapes: image H,W,3; targets H,W or H,W,3, listed in `seg_fields`.
    """

    def _flip(self, results: dict) -> None:
        """Flip everything, then negate the mirrored components."""
        super()._flip(results)
        axes = list(MIRRORED_AXES[results["flip_direction"]])
        for target in DENSE_TARGETS.values():
            if target.vector and target.array in results.get("seg_fields", ()):
                results[target.array][..., axes] *= -1
