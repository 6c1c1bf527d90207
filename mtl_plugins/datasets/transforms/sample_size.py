"""Bringing a sample to the size that a protocol works at."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError
from .target_transform import require_decoded


@TRANSFORMS.register_module()
class ResizeSample(Resize):
    """Resize image and targets to the size at which a protocol trains and measures.

    Unlike after mmseg's `Resize`, the new size is the sample's own: predictions are returned and
    compared at it, not at that of the file. The image is interpolated, targets take the nearest
    pixel. Depth stays as it is: the scene does not come nearer by a smaller picture of all of it.

    Args:
        size: (height, width) in pixels, such as MTAN's (128, 256) for Cityscapes.

    Raises:
        ConfigError: `size` is not two positive numbers, or targets are not decoded yet.

    Shapes: image and targets H,W,... -> height,width,...
    """

    of_protocol = True
    """What counts as truth: also applied where the data is looked at without augmentation."""

    def __init__(self, size: Sequence[int]) -> None:
        if len(size) != 2 or min(size) < 1:
            raise ConfigError(f"ResizeSample(size={size}); expected (height, width) in pixels.")
        super().__init__(scale=(size[1], size[0]))

    def transform(self, results: dict) -> dict:
        """Resize everything, and make the new size the original one."""
        require_decoded(results, self)
        results = super().transform(results)
        results["ori_shape"] = results["img_shape"]
        return results
