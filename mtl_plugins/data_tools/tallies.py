"""Statistics of the values of a target over a data set, for each type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..targets import PREDEFINED, Target
from ..utils import TextTable, bar
from .depth_statistics import DepthTally

METRES = (0.1, 1000.0)
"""Plausible median of distances in metres; outside, their unit is probably wrong."""

SPANS = 12
"""Number of rows of a histogram of distances."""


class Tally(ABC):
    """Count the values of one target, map by map.

    Args:
        target: the target.
    """

    nothing = "has no valid pixel"
    """Warning about a map without a valid pixel."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.maps = self.pixels = self.valid_pixels = 0

    def add(self, values: np.ndarray) -> None:
        """Add a decoded map, H,W or H,W,C."""
        known = self.target.known(values)
        self.maps += 1
        self.pixels += known.size
        self.valid_pixels += int(known.sum())
        self.count(values, known)

    @abstractmethod
    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        """Count the values of a map; `known` H,W is where it has one."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON."""

    @abstractmethod
    def table(self, part: str) -> TextTable:
        """Return the table of the statistics for a data set called `part`."""

    def suspicions(self) -> Iterator[str]:
        """Yield a text for each statistic that is legal but probably a mistake."""
        yield from ()


class ClassTally(Tally):
    """Count pixels and images of each class; of a mask, of 0 and 1.

    >>> tally = ClassTally(Target("lanes", "classes", classes=("none", "solid")))
    >>> tally.add(np.array([[0, 0, 255]], np.uint8))
    >>> tally.class_pixels.tolist(), [*tally.suspicions()]
    ([2, 0], ['lanes: classes without a single pixel: solid.'])
    """

    nothing = "has no pixel with a class (all are 255)"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.names = target.classes or ("0", "1")
        self.class_pixels, self.class_images = np.zeros((2, len(self.names)), np.int64)

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        pixels = np.bincount(values[known], minlength=len(self.names))
        self.class_pixels += pixels
        self.class_images += pixels > 0

    def as_dict(self) -> dict[str, Any]:
        counts = zip(self.names, self.class_pixels, self.class_images, strict=True)
        classes = {name: dict(pixels=int(p), images=int(i)) for name, p, i in counts}
        return dict(classes=classes, pixels_without_class=self.pixels - self.valid_pixels)

    def table(self, part: str) -> TextTable:
        missing = self.pixels - self.valid_pixels
        shares = np.append(self.class_pixels, missing) / max(self.pixels, 1) * 100
        images = [*map(str, self.class_images), ""]
        ids = [*range(len(self.names)), int(self.target.invalid)]
        rows: list[list[str]] = []
        colours = {}
        for row, name in enumerate((*self.names, "no class")):
            occurs = shares[row] > 0 or row == len(self.names)
            if not occurs:
                colours[row] = "yellow"
            drawn = bar(shares[row] / shares.max()) if occurs else "never occurs"
            rows.append([str(ids[row]), name, f"{shares[row]:.3f}", images[row], drawn])
        columns = ("id", "class", "pixels (%)", "images", "")
        title = f"{_title(self.target, 'Classes')} of {part}"
        return TextTable(columns, rows, ("class", ""), title, colours=colours)

    def suspicions(self) -> Iterator[str]:
        absent = [n for n, pixels in zip(self.names, self.class_pixels, strict=True) if not pixels]
        if not self.valid_pixels or not absent:
            return
        if self.target.type == "binary":
            yield (
                f"{self.target.name}: no pixel is {' or '.join(absent)}. If another value of the "
                "files means it (often 255), write label_map={0: 0, 255: 1}."
            )
            return
        yield f"{self.target.name}: classes without a single pixel: {', '.join(absent)}."


class DistanceTally(Tally):
    """Collect the histogram and the moments of distances; see `DepthTally`."""

    nothing = "has no measured pixel (all are 0)"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.depth = DepthTally()

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        self.depth.add(values)

    def as_dict(self) -> dict[str, Any]:
        statistics = self.depth.statistics()
        if statistics is None:
            return dict(valid_pixels=0, pixels=self.pixels)
        return dict(vars(statistics), unit=self.target.unit, codec=statistics.codec)

    def table(self, part: str) -> TextTable:
        rows = []
        statistics = self.depth.statistics()
        if statistics is not None:
            spans = self.depth.spans(SPANS)
            most = max(pixels for *_, pixels in spans)
            for low, high, pixels in spans:
                share = f"{pixels / self.valid_pixels * 100:.2f}"
                rows.append((f"{low:.3g} - {high:.3g}", share, bar(pixels / most)))
            rows.append(("", "", ""))
            values = {
                "minimum": statistics.min_depth,
                "percentile 1": statistics.percentile_1,
                "percentile 50": statistics.percentile_50,
                "percentile 99": statistics.percentile_99,
                "maximum": statistics.max_depth,
                "mean of log depth": statistics.log_mean,
                "std of log depth": statistics.log_std,
            }
            rows += [(label, f"{value:.5g}", "") for label, value in values.items()]
        missing = 100 - self.valid_pixels / self.pixels * 100
        rows.append(("not measured (%)", f"{missing:.2f}", ""))
        title = f"{_title(self.target, 'Depth')} of {part} ({self.target.unit})"
        return TextTable((self.target.name, "pixels (%)", ""), rows, ("",), title)

    def suspicions(self) -> Iterator[str]:
        statistics = self.depth.statistics()
        if statistics is None or self.target.unit != "m":
            return
        if not METRES[0] <= statistics.percentile_50 <= METRES[1]:
            yield (
                f"half of the values of {self.target.name} are below "
                f"{statistics.percentile_50:.4g} m: is the scale of its format right? (A distance "
                "that is not metric has another unit.)"
            )


class ValueTally(Tally):
    """Accumulate the range and mean of numbers, or of the components of offsets.

    >>> tally = ValueTally(Target("height", "scalar"))
    >>> tally.add(np.array([[np.nan, 2.0, 4.0]], np.float32))
    >>> tally.as_dict()
    {'valid_pixels': 2, 'pixels': 3, 'minimum': 2.0, 'mean': 3.0, 'maximum': 4.0}
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.total, self.numbers = 0.0, 0
        self.minimum, self.maximum = float("inf"), float("-inf")

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        found = values[known]
        self.numbers += found.size
        self.total += float(found.sum(dtype=np.float64))
        self.minimum = min(self.minimum, float(found.min(initial=np.inf)))
        self.maximum = max(self.maximum, float(found.max(initial=-np.inf)))

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = dict(valid_pixels=self.valid_pixels, pixels=self.pixels)
        if self.numbers:
            mean = self.total / self.numbers
            found.update(minimum=self.minimum, mean=mean, maximum=self.maximum)
        return found

    def table(self, part: str) -> TextTable:
        statistics = self.as_dict()
        valid, pixels = statistics.pop("valid_pixels"), statistics.pop("pixels")
        rows = [(label, f"{value:.5g}") for label, value in statistics.items()]
        rows.append(("invalid (%)", f"{100 - 100 * valid / pixels:.2f}"))
        unit = f" ({self.target.unit})" if self.target.unit else ""
        return TextTable(("", "value"), rows, title=f"Values of {part}: {self.target.name}{unit}")

    def suspicions(self) -> Iterator[str]:
        if self.numbers and self.minimum == self.maximum:
            yield f"{self.target.name}: every value is {self.minimum:.5g}; is its format right?"


class ShareTally(Tally):
    """Count the pixels that have a direction."""

    nothing = "has no pixel with a normal (all are 0, 0, 0)"

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        """Count nothing but the pixels."""

    def as_dict(self) -> dict[str, Any]:
        return dict(valid_pixels=self.valid_pixels, pixels=self.pixels)

    def table(self, part: str) -> TextTable:
        share = self.valid_pixels / self.pixels * 100
        rows = [("with a direction", f"{share:.2f}"), ("without", f"{100 - share:.2f}")]
        title = f"{_title(self.target, 'Normals')} of {part}"
        return TextTable(("pixels", "share (%)"), rows, title=title)


def _title(target: Target, usual: str) -> str:
    """Return the usual heading of a type, with the name of a target that is not predefined."""
    return usual if target.name in PREDEFINED else f"{usual} ({target.name})"


TALLIES: dict[str, Callable[[Target], Tally]] = dict(
    classes=ClassTally,
    binary=ClassTally,
    scalar=ValueTally,
    distance=DistanceTally,
    direction=ShareTally,
    offset=ValueTally,
)
"""Form of a target -> its tally."""
