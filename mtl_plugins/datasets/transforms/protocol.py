"""Transforms that belong to a benchmark's protocol: they define the truth that is measured.

Those with `of_protocol` are also applied where targets are read without augmentation.
"""

import math
from collections.abc import Sequence

from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError, DataError
from ...targets import DENSE_TARGETS, DEPTH, NO_DEPTH, SEMSEG
from .target_transform import require_decoded


@TRANSFORMS.register_module()
class FillSkyDepth(BaseTransform):
    """Set the depth of all sky pixels to "not measured", or to one large value.

    Stereo gives no or wrong depth in the sky, and renderers give the end of their world. Put the
    transform after the targets are decoded. Samples without depth stay unchanged.

    Args:
        depth: metres; 0: not measured.
        class_name: the data set's name of the sky.

    Raises:
        ConfigError: `depth` is negative or not finite; or, while transforming, the data set has no
            such class, or loads depth without labels.

    Shapes: `gt_depth_map` H,W float32, changed in place where `gt_seg_map` is the sky.
    """

    of_protocol = True

    def __init__(self, depth: float = NO_DEPTH, class_name: str = "sky") -> None:
        if not 0 <= depth < math.inf:
            raise ConfigError(f"FillSkyDepth(depth={depth}); expected metres, 0 or more.")
        self.depth = depth
        self.class_name = class_name

    def transform(self, results: dict) -> dict:
        fields = results.get("seg_fields", ())
        if DEPTH.array not in fields:
            return results
        classes = results["dataset"].metainfo["classes"]
        if SEMSEG.array not in fields or self.class_name not in classes:
            raise ConfigError(
                f"FillSkyDepth(class_name={self.class_name!r}) needs labels with that class; the "
                f"data set loads {fields} and has the classes {list(classes)}. Load seg_map_path, "
                "correct class_name, or leave FillSkyDepth out."
            )
        require_decoded(results, self)
        sky = results[SEMSEG.array] == classes.index(self.class_name)
        results[DEPTH.array][sky] = self.depth
        return results


@TRANSFORMS.register_module()
class EvaluationCrop(BaseTransform):
    """Make every target invalid outside a window, so that only the window is measured.

    The image stays whole, and the network sees all of it. Samples without targets stay unchanged.
    NYUv2's usual window is rows 45 to 470 and columns 41 to 600 of 480x640 (Eigen et al. 2014,
    https://arxiv.org/abs/1406.2283).

    Args:
        rows, columns: first and last + 1, in pixels.
        kinds: the kinds of target to change, such as "depth"; default: all.

    Raises:
        ConfigError: the window has no pixels, or a kind is unknown.
        DataError: while transforming, the window is not inside the image.

    Shapes: targets H,W or H,W,3, changed in place.
    """

    of_protocol = True

    def __init__(
        self,
        rows: Sequence[int] = (45, 471),
        columns: Sequence[int] = (41, 601),
        kinds: Sequence[str] | None = None,
    ) -> None:
        proper = all(len(ends) == 2 and 0 <= ends[0] < ends[1] for ends in (rows, columns))
        if not proper or not set(kinds or ()) <= set(DENSE_TARGETS):
            raise ConfigError(
                f"EvaluationCrop(rows={rows}, columns={columns}, kinds={kinds}); expected (first, "
                f"last + 1) with at least one pixel each, and kinds of {list(DENSE_TARGETS)}."
            )
        self.rows = rows
        self.columns = columns
        self.kinds = kinds

    def transform(self, results: dict) -> dict:
        targets = [t for t in DENSE_TARGETS.values() if self.kinds is None or t.kind in self.kinds]
        targets = [each for each in targets if each.array in results.get("seg_fields", ())]
        if targets:
            require_decoded(results, self)
        height, width = results["img"].shape[:2]
        if targets and (self.rows[1] > height or self.columns[1] > width):
            raise DataError(
                f"{results.get('img_path')} is {height}x{width} pixels (height x width), but "
                f"EvaluationCrop has rows {tuple(self.rows)} and columns {tuple(self.columns)}. "
                "Use the window of this data set's protocol, before any resizing."
            )
        window = slice(*self.rows), slice(*self.columns)
        for target in targets:
            values = results[target.array]
            inside = values[window].copy()
            values[...] = target.invalid
            values[window] = inside
        return results


@TRANSFORMS.register_module()
class ResizeSample(Resize):
    """Resize image and targets to the size at which a protocol trains and measures.

    Unlike after mmseg's `Resize`, the new size counts as the original one: predictions are returned
    and measured at it, not at the size of the file. The image is interpolated, targets take the
    nearest pixel. Depth stays the same, because a smaller picture of a scene does not move it.

    Args:
        size: (height, width) in pixels, such as MTAN's (128, 256) for Cityscapes.

    Raises:
        ConfigError: `size` is not two positive numbers; or, while transforming, targets are not
            decoded yet.

    Shapes: image and targets H,W,... -> height,width,...
    """

    of_protocol = True

    def __init__(self, size: Sequence[int]) -> None:
        if len(size) != 2 or min(size) < 1:
            raise ConfigError(f"ResizeSample(size={size}); expected (height, width) in pixels.")
        super().__init__(scale=(size[1], size[0]))

    def transform(self, results: dict) -> dict:
        """Resize image and targets, and set `ori_shape` to the new size."""
        require_decoded(results, self)
        results = super().transform(results)
        results["ori_shape"] = results["img_shape"]
        return results
