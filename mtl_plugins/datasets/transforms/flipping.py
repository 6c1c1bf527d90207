"""Mirroring images together with targets that point somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmseg.datasets.transforms import RandomFlip
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
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
        on_device: only draw; `MultiTaskDataPreprocessor` flips the batch in training. Put it last,
            before `PackTargets`: what comes after it would see the sample as it was.

    Raises:
        ConfigError: `on_device` together with `swap_seg_labels`.

    Shapes: image H,W,3; targets H,W or H,W,3, listed in `seg_fields`.
    """

    def __init__(
        self,
        prob: float | Iterable[float] | None = None,
        direction: str | Sequence[str | None] = "horizontal",
        swap_seg_labels: Sequence | None = None,
        on_device: bool = False,
    ) -> None:
        if on_device and swap_seg_labels:
            raise ConfigError(
                "FlipTargets: on_device=True does not swap labels. Leave on_device or "
                f"swap_seg_labels={swap_seg_labels} out."
            )
        super().__init__(prob, direction, swap_seg_labels)
        self.on_device = on_device

    def _flip(self, results: dict) -> None:
        """Flip everything, then negate the mirrored components; or leave it to the device."""
        if self.on_device:
            results["device_flip"] = results["flip_direction"]
            # Nothing is flipped yet.
            results.update(flip=False, flip_direction=None)
            return
        super()._flip(results)
        axes = list(MIRRORED_AXES[results["flip_direction"]])
        for target in DENSE_TARGETS.values():
            if target.vector and target.array in results.get("seg_fields", ()):
                results[target.array][..., axes] *= -1
