"""The part of an image that a protocol measures."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import ConfigError, DataError
from ...targets import DENSE_TARGETS
from .target_transform import require_decoded


@TRANSFORMS.register_module()
class EvaluationCrop(BaseTransform):
    """Count only the pixels of a window: outside it every target becomes invalid.

    The image stays whole, so that the network sees all of it; samples without targets pass as they
    are. NYUv2's usual window is rows 45 to 470 and columns 41 to 600 of 480x640 (Eigen et al. 2014,
    https://arxiv.org/abs/1406.2283).

    Args:
        rows, columns: first and last + 1, pixels.
        kinds: the targets that it is for, such as "depth"; default: all.

    Raises:
        ConfigError: a window without pixels, or an unknown kind.
        DataError: the window does not lie inside an image.

    Shapes: targets H,W or H,W,3 stay as large as they are.
    """

    of_protocol = True
    """What counts as truth: also applied where the data is looked at without augmentation."""

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
        """Invalidate what lies outside."""
        targets = [t for t in DENSE_TARGETS.values() if self.kinds is None or t.kind in self.kinds]
        targets = [each for each in targets if each.array in results.get("seg_fields", ())]
        if targets:
            require_decoded(results, self)
            self._check_size(results)
        window = slice(*self.rows), slice(*self.columns)
        for target in targets:
            values = results[target.array]
            inside = values[window].copy()
            values[...] = target.invalid
            values[window] = inside
        return results

    def _check_size(self, results: dict) -> None:
        height, width = results["img"].shape[:2]
        if self.rows[1] > height or self.columns[1] > width:
            raise DataError(
                f"{results.get('img_path')} is {height}x{width} pixels (height x width), but "
                f"EvaluationCrop has rows {tuple(self.rows)} and columns {tuple(self.columns)}. "
                "Use the window of this data set's protocol, before any resizing."
            )
