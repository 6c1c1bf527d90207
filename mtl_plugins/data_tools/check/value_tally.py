"""What the values of a kind without statistics of its own are like."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...targets import DENSE_TARGETS


class ValueTally:
    """Counts valid pixels and what their values span, over all channels.

    >>> tally = ValueTally("depth")
    >>> tally.add(np.array([[0.0, 2.0, 4.0]], np.float32))
    >>> tally.as_dict()
    {'valid_pixels': 2, 'pixels': 3, 'minimum': 2.0, 'mean': 3.0, 'maximum': 4.0}
    """

    def __init__(self, kind: str) -> None:
        self.invalid = DENSE_TARGETS[kind].invalid
        self.valid_pixels = self.pixels = self.numbers = 0
        self.total, self.minimum, self.maximum = 0.0, float("inf"), float("-inf")

    def add(self, values: np.ndarray) -> None:
        """Count the pixels of one target, H,W or H,W,C."""
        valid = (values != self.invalid).reshape(*values.shape[:2], -1).any(-1)
        found = values[valid]
        self.pixels += valid.size
        self.valid_pixels += int(valid.sum())
        self.numbers += found.size
        self.total += float(found.sum(dtype=np.float64))
        self.minimum = min(self.minimum, float(found.min(initial=np.inf)))
        self.maximum = max(self.maximum, float(found.max(initial=-np.inf)))

    def as_dict(self) -> dict[str, Any]:
        """Return what was found, as JSON has it; without minimum, ... where nothing is valid."""
        found: dict[str, Any] = dict(valid_pixels=self.valid_pixels, pixels=self.pixels)
        if self.numbers:
            mean = self.total / self.numbers
            found.update(minimum=self.minimum, mean=mean, maximum=self.maximum)
        return found
