"""How a label file's values become class ids."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import DataError
from ..structures import IGNORE_LABEL


class LabelFormat:
    """Decode raw label values into ids 0 to num_classes - 1, and 255 for "no class".

    Args:
        num_classes: number of classes, at most 255.
        label_map: id (or 255) for each raw value; None: raw values are ids already.

    Raises:
        DataError: a file has a value that is neither a class nor 255 nor in `label_map`.

    >>> decode = LabelFormat(2, {0: 255, 7: 0, 8: 1})
    >>> decode(np.array([[7, 8, 0]]), 'a.png').tolist()
    [[0, 1, 255]]
    """

    def __init__(self, num_classes: int, label_map: Mapping[int, int] | None = None) -> None:
        ids = set(range(num_classes)) | {IGNORE_LABEL}
        wrong = {raw: to for raw, to in (label_map or {}).items() if to not in ids}
        if wrong:
            raise DataError(
                f"label_map sends {wrong}, but there are only the classes 0 to {num_classes - 1} "
                f"(and {IGNORE_LABEL} for no class)."
            )
        self.label_map = (
            {i: i for i in ids}
            if label_map is None
            else {int(raw): to for raw, to in label_map.items()}
        )
        # Raw values may be negative (Cityscapes' licence plates are -1).
        self._lowest = min(self.label_map)
        self._table = np.full(max(self.label_map) - self._lowest + 1, -1, dtype=np.int16)
        for raw, to in self.label_map.items():
            self._table[raw - self._lowest] = to

    def __call__(self, raw: np.ndarray, path: str) -> np.ndarray:
        """Return H,W uint8 ids for the H,W raw values of the file `path`."""
        values = raw.astype(np.int64)
        position = values - self._lowest
        inside = (position >= 0) & (position < len(self._table))
        ids = np.where(inside, self._table[np.where(inside, position, 0)], -1)
        if (ids < 0).any():
            unknown, counts = np.unique(values[ids < 0], return_counts=True)
            found = ", ".join(
                f"{v} ({c} pixels)" for v, c in zip(unknown[:8], counts[:8], strict=True)
            )
            raise DataError(
                f"{path} has label values that are no class: {found}. Expected one of "
                f"{_ranges(sorted(self.label_map))}. Correct the file, the data set's classes, or "
                "map the values with label_map (255: no class)."
            )
        return ids.astype(np.uint8)


def _ranges(values: list[int]) -> str:
    """Return sorted integers as text with runs shortened: '0-18, 255'."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
