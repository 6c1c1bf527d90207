"""Transforms that belong to a benchmark's protocol: they define the truth that is measured.

Those with `of_protocol` are also applied where targets are read without augmentation.
"""

import math
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError, DataError
from ...targets import NO_DEPTH, loaded_targets, named_targets


@TRANSFORMS.register_module()
class FillSkyDepth(BaseTransform):
    """Set the depth of all sky pixels to "not measured", or to one large value.

    Stereo gives no or wrong depth in the sky, and renderers give the end of their world. Put the
    transform after the targets are decoded. Every target that is a distance is changed, where a
    target of classes has the sky's name; samples without a distance stay unchanged.

    Args:
        depth: metres; 0: not measured.
        class_name: the data set's name of the sky.

    Raises:
        ConfigError: `depth` is negative or not finite; or, while transforming, no target that is
            loaded has such a class.

    Shapes: distances H,W float32, changed in place.
    """

    of_protocol = True
    changes_image = False

    def __init__(self, depth: float = NO_DEPTH, class_name: str = "sky") -> None:
        if not 0 <= depth < math.inf:
            raise ConfigError(f"FillSkyDepth(depth={depth}); expected metres, 0 or more.")
        self.depth = depth
        self.class_name = class_name

    def transform(self, results: dict) -> dict:
        targets = loaded_targets(results)
        distances = [target for target in targets if target.distance]
        labels = next((each for each in targets if self.class_name in each.classes), None)
        if not distances:
            return results
        if labels is None:
            raise ConfigError(
                f"FillSkyDepth(class_name={self.class_name!r}) needs labels with that class; the "
                f"data set loads {[t.name for t in targets]} with the classes "
                f"{[name for t in targets for name in t.classes]}. Load such labels, correct "
                "class_name, or leave FillSkyDepth out."
            )
        sky = results[labels.array] == labels.classes.index(self.class_name)
        for target in distances:
            results[target.array][sky] = self.depth
        return results


NYU_WINDOW = (45, 471), (41, 601)
"""Rows and columns of NYUv2's usual window, in pixels."""

WINDOWS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = dict(
    garg=((0.40810811, 0.99189189), (0.03594771, 0.96405229)),
    eigen=((0.3324324, 0.91351351), (0.0359477, 0.96405229)),
)
"""Rows and columns of KITTI's windows, as shares of the image."""


@TRANSFORMS.register_module()
class EvaluationCrop(BaseTransform):
    """Make every target invalid outside a window, so that only the window is measured.

    The image stays whole, and the network sees all of it. Samples without targets stay unchanged.
    NYUv2's usual window is rows 45 to 470 and columns 41 to 600 of 480x640 (Eigen et al. 2014,
    https://arxiv.org/abs/1406.2283). KITTI's, `window='eigen'` (the same authors) and
    `window='garg'` (Garg et al. 2016, https://arxiv.org/abs/1603.04992), are `WINDOWS`, shares of
    the image, because its images differ in size.

    Args:
        rows, columns: first and last + 1, in pixels; or shares of the image, two floats of 0.0 to
            1.0, which are rounded down to pixels.
        window: a name of `WINDOWS`, in place of rows and columns.
        kinds: names of the targets to change, such as "depth"; default: all.

    Raises:
        ConfigError: the window has no pixels; or, while transforming, a target is not loaded.
        DataError: while transforming, the window is not inside the image.

    Shapes: targets H,W or H,W,3, changed in place.
    """

    of_protocol = True
    changes_image = False

    def __init__(
        self,
        rows: Sequence[float] | None = None,
        columns: Sequence[float] | None = None,
        kinds: Sequence[str] | None = None,
        window: str | None = None,
    ) -> None:
        given = f"EvaluationCrop(rows={rows}, columns={columns}, kinds={kinds}, window={window!r})"
        if window is not None:
            if window not in WINDOWS or rows is not None or columns is not None:
                raise ConfigError(
                    f"{given}; expected a window of {[*WINDOWS]}, without rows and columns."
                )
            rows, columns = WINDOWS[window]
        self.rows = NYU_WINDOW[0] if rows is None else rows
        self.columns = NYU_WINDOW[1] if columns is None else columns
        if not all(map(_is_span, (self.rows, self.columns))):
            raise ConfigError(
                f"{given}; expected (first, last + 1) in pixels with at least one pixel each, or "
                "two shares of the image as floats, 0.0 to 1.0."
            )
        self.kinds = kinds

    def transform(self, results: dict) -> dict:
        targets = loaded_targets(results)
        if self.kinds is not None and targets:
            targets = named_targets(targets, self.kinds, "EvaluationCrop(kinds=...)")
        height, width = results["img"].shape[:2]
        rows, columns = _pixels(self.rows, height), _pixels(self.columns, width)
        if targets and (rows.stop > height or columns.stop > width):
            raise DataError(
                f"{results.get('img_path')} is {height}x{width} pixels (height x width), but "
                f"EvaluationCrop has rows {tuple(self.rows)} and columns {tuple(self.columns)}. "
                "Use the window of this data set's protocol, before any resizing."
            )
        window = rows, columns
        for target in targets:
            values = results[target.array]
            inside = values[window].copy()
            values[...] = target.invalid
            values[window] = inside
        return results


def _is_span(ends: Sequence[float]) -> bool:
    if len(ends) != 2 or not 0 <= ends[0] < ends[1]:
        return False
    whole = all(isinstance(end, int) for end in ends)
    return whole or (all(isinstance(end, float) for end in ends) and ends[1] <= 1)


def _pixels(ends: Sequence[float], side: int) -> slice:
    """Return a span in pixels of a side; floats are shares of it."""
    return slice(*(int(end * side) if isinstance(end, float) else end for end in ends))


@TRANSFORMS.register_module()
class IgnoreEmpty(BaseTransform):
    """Make targets of classes invalid in an image that has nothing but background.

    PASCAL-Context's parts of people are learned and measured only in images with people (Maninis
    et al. 2019, https://arxiv.org/abs/1904.08918).

    Args:
        kinds: names of the targets, such as ("parts",).
        background: class id of the background.

    Raises:
        ConfigError: while transforming, a target is not loaded or has no classes.

    Shapes: targets H,W, changed in place. Samples without targets stay unchanged.
    """

    of_protocol = True
    changes_image = False

    def __init__(self, kinds: Sequence[str], background: int = 0) -> None:
        self.kinds = [kinds] if isinstance(kinds, str) else [*kinds]
        self.background = background

    def transform(self, results: dict) -> dict:
        if not (targets := loaded_targets(results)):
            return results
        for target in named_targets(targets, self.kinds, "IgnoreEmpty(kinds=...)"):
            if target.type != "classes":
                raise ConfigError(
                    f"IgnoreEmpty(kinds=...): {target.name!r} is of the type {target.type!r}; "
                    "expected 'classes'."
                )
            labels = results[target.array]
            if np.isin(labels, (self.background, target.invalid)).all():
                labels[...] = target.invalid
        return results


@TRANSFORMS.register_module()
class ResizeTargets(Resize):
    """Resize image and targets as mmseg's `Resize`, and scale offsets with the image.

    The image is interpolated, targets take the nearest pixel. Depth stays the same: only the number
    of pixels changes. In `RandomResize` write `resize_type="ResizeTargets"`.

    Args:
        as in mmcv's `Resize` (`scale` is width, height).
    """

    def _resize_seg(self, results: dict) -> None:
        super()._resize_seg(results)
        for target in loaded_targets(results):
            if target.type == "offset":
                results[target.array] *= np.float32(results["scale_factor"])


@TRANSFORMS.register_module()
class ResizeSample(ResizeTargets):
    """Resize image and targets to the size at which a protocol trains and measures.

    Unlike after `ResizeTargets`, the new size counts as the original one: predictions are returned
    and measured at it, not at the size of the file.

    Args:
        size: (height, width) in pixels, such as MTAN's (128, 256) for Cityscapes.

    Raises:
        ConfigError: `size` is not two positive numbers.

    Shapes: image and targets H,W,... -> height,width,...
    """

    of_protocol = True

    def __init__(self, size: Sequence[int]) -> None:
        if len(size) != 2 or min(size) < 1:
            raise ConfigError(f"ResizeSample(size={size}); expected (height, width) in pixels.")
        super().__init__(scale=(size[1], size[0]))

    def transform(self, results: dict) -> dict:
        """Resize image and targets, and set `ori_shape` to the new size."""
        results = super().transform(results)
        results["ori_shape"] = results["img_shape"]
        return results
