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

PILE = 0.03
"""Share of the pixels at one end of the values above which they are suspected to mean "none"."""


class Tally(ABC):
    """Count the values of one target, map by map.

    Args:
        target: the target.
    """

    nothing = "has no valid pixel"
    """Warning about a map without a valid pixel."""

    remedy = "Are the arguments of its format right?"
    """What to do if no map has one."""

    sky_known = False
    """Whether the pipeline sets the depth of the sky."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.maps = self.pixels = self.valid_pixels = 0
        self.empty: list[str] = []

    def add(self, values: np.ndarray, file: str = "") -> None:
        """Add a decoded map, H,W or H,W,C, of a file."""
        known = self.target.known(values)
        if not known.any():
            self.empty.append(file)
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
        if self.maps and not self.valid_pixels:
            yield f"{self.target.name}: each of {self.maps} files {self.nothing}. {self.remedy}"
        elif self.maps:
            yield from self.doubts()

    def doubts(self) -> Iterator[str]:
        """Yield the same where at least one pixel is valid."""
        yield from ()


class ClassTally(Tally):
    """Count pixels and images of each class; of a mask, of 0 and 1.

    >>> tally = ClassTally(Target("lanes", "classes", classes=("none", "solid")))
    >>> tally.add(np.array([[0, 0, 255]], np.uint8))
    >>> tally.class_pixels.tolist(), tally.absent()
    ([2, 0], [1])
    """

    nothing = "has no pixel with a class (all are 255)"
    remedy = "If 255 is a class in the files, give it one: label_map={0: 0, 255: 1}."

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.names = target.classes or ("0", "1")
        counts = np.zeros((3, len(self.names)), np.int64)
        # Of each class the pixels, the images, and the labelled pixels of these images.
        self.class_pixels, self.class_images, self.class_areas = counts

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        pixels = np.bincount(values[known], minlength=len(self.names))
        self.class_pixels += pixels
        self.class_images += pixels > 0
        self.class_areas += (pixels > 0) * pixels.sum()

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

    def absent(self) -> list[int]:
        """Return the ids without a pixel."""
        return np.flatnonzero(self.class_pixels == 0).tolist()

    def doubts(self) -> Iterator[str]:
        name, none, absent = self.target.name, int(self.target.invalid), self.absent()
        if len(self.names) == 1:
            yield (
                f"{name} has one class, {self.names[0]!r}, so that nothing is learned, and scores "
                "are perfect. Make a class of what is around it, too: "
                f"classes=('background', {self.names[0]!r}), and a label_map for its pixels, "
                f"which are {none} now."
            )
        if not absent:
            return
        if self.target.type == "binary":
            text = f"{name}: no pixel is {self.names[absent[0]]}."
        else:
            listed = ", ".join(self.names[index] for index in absent)
            text = f"{name}: classes without a single pixel: {listed}."
        if len(self.names) - len(absent) == 1:
            found, lost = int(self.class_pixels.argmax()), absent[0]
            text += f" All others are {self.names[found]!r}: nothing is learned, and scores are "
            text += "perfect."
            if self.valid_pixels < self.pixels:
                text += (
                    f" If {none} in the files means {self.names[lost]!r}, write "
                    f"label_map={{{found}: {found}, {none}: {lost}}}."
                )
            else:
                text += " Is the label_map right?"
        yield text


class DistanceTally(Tally):
    """Collect the histogram and the moments of distances; see `DepthTally`."""

    nothing = "has no measured pixel (all are 0)"
    remedy = "Are scale, invalid and the limits of its format, or the range of the target right?"

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

    def doubts(self) -> Iterator[str]:
        statistics = self.depth.statistics()
        if statistics is None:
            return
        name = self.target.name
        if statistics.min_depth == statistics.max_depth:
            yield f"{name}: every value is {statistics.min_depth:.5g}; is its format right?"
            return
        for end, limit, (value, share) in zip(
            ("nearest", "farthest"), ("min_depth", "max_depth"), self.depth.piles(), strict=True
        ):
            if share > PILE and not (end == "farthest" and self.sky_known):
                yield (
                    f"{name}: {share:.0%} of the measured pixels are at {value:.5g}, the {end}, "
                    "and few are close to it. If that is the sky or the end of what the sensor "
                    f"measures, it is no depth: set {limit} of the format, or the target's range, "
                    "so that it is outside."
                )
        if self.target.unit != "m":
            return
        if not METRES[0] <= statistics.percentile_50 <= METRES[1]:
            yield (
                f"half of the values of {self.target.name} are below "
                f"{statistics.percentile_50:.4g} m: is the scale of its format right? (A distance "
                "that is not metric has another unit.)"
            )


class ValueTally(Tally):
    """Accumulate the range and mean of numbers, or of the components of offsets.

    Of the two smallest and the two largest values it counts the pixels, to find numbers that mean
    "none" (-9999) or the end of what was measured.

    >>> tally = ValueTally(Target("height", "scalar"))
    >>> tally.add(np.array([[np.nan, 2.0, 4.0]], np.float32))
    >>> tally.as_dict()
    {'valid_pixels': 2, 'pixels': 3, 'minimum': 2.0, 'mean': 3.0, 'maximum': 4.0}
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.total, self.numbers = 0.0, 0
        self.ends: dict[float, int] = {}

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        found = values[known]
        self.numbers += found.size
        self.total += float(found.sum(dtype=np.float64))
        if not found.size:
            return
        least, most = found.min(), found.max()
        inner = found[(found > least) & (found < most)]
        seconds = [inner.min(), inner.max()] if inner.size else []
        for value in {float(each) for each in (least, most, *seconds)}:
            self.ends[value] = self.ends.get(value, 0) + int((found == value).sum())
        ordered = sorted(self.ends)
        self.ends = {value: self.ends[value] for value in {*ordered[:2], *ordered[-2:]}}

    @property
    def minimum(self) -> float:
        """Return the smallest value; infinity without one."""
        return min(self.ends, default=float("inf"))

    @property
    def maximum(self) -> float:
        """Return the largest value; negative infinity without one."""
        return max(self.ends, default=float("-inf"))

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

    def doubts(self) -> Iterator[str]:
        if self.minimum == self.maximum:
            yield f"{self.target.name}: every value is {self.minimum:.5g}; is its format right?"
            return
        least, *_, most = ordered = sorted(self.ends)
        limits = self.target.range or ()
        for end, value, nearest, other in (
            ("smallest", least, ordered[1], most),
            ("largest", most, ordered[-2], least),
        ):
            alone = len(ordered) > 2 and abs(value - nearest) > abs(nearest - other)
            share = self.ends[value] / self.numbers
            at_limit = bool(np.isclose(value, limits).any())
            if share > PILE and (alone or at_limit):
                yield (
                    f"{self.target.name}: {share:.0%} of the values are {value:.5g}, the {end}. If "
                    "that means none, or more than was measured, list its raw value in invalid, or "
                    "set the target's range so that it is outside."
                )


class ShareTally(Tally):
    """Count the pixels that have a direction, and find the smallest component."""

    nothing = "has no pixel with a normal (all are 0, 0, 0)"
    remedy = "Are scale and offset of its format right?"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.lowest = float("inf")

    def count(self, values: np.ndarray, known: np.ndarray) -> None:
        self.lowest = min(self.lowest, float(values[known].min(initial=np.inf)))

    def as_dict(self) -> dict[str, Any]:
        return dict(valid_pixels=self.valid_pixels, pixels=self.pixels)

    def table(self, part: str) -> TextTable:
        share = self.valid_pixels / self.pixels * 100
        rows = [("with a direction", f"{share:.2f}"), ("without", f"{100 - share:.2f}")]
        title = f"{_title(self.target, 'Normals')} of {part}"
        return TextTable(("pixels", "share (%)"), rows, title=title)

    def doubts(self) -> Iterator[str]:
        if self.lowest >= 0:
            yield (
                f"{self.target.name}: no component is ever negative. If 0 to 1 in the files means "
                "-1 to 1, write scale=2, offset=-1."
            )


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
