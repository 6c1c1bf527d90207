"""Findings and statistics of a data check: what was read, counted and found suspicious."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from ..targets import DENSE_TARGETS, DEPTH, IGNORE_LABEL, NORMALS, SEMSEG
from .depth_statistics import DepthTally

METRES = (0.1, 1000.0)
"""Plausible median depth of a metric data set; outside, its unit is probably wrong."""


@dataclass
class SampleCheck:
    """The readable parts of a sample and its problems.

    Args:
        path: path of its image.
        image: H,W,3 uint8 BGR; None where it is damaged.
        digest: hash of the image's pixels.
        targets: the valid decoded targets by kind.
        problems, warnings: (file, text) pairs.
    """

    path: str
    image: np.ndarray | None = None
    digest: bytes = b""
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class ValueTally:
    """Count valid pixels and accumulate the range and mean of their values over all channels.

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
        """Add one target, H,W or H,W,C."""
        valid = (values != self.invalid).reshape(*values.shape[:2], -1).any(-1)
        found = values[valid]
        self.pixels += valid.size
        self.valid_pixels += int(valid.sum())
        self.numbers += found.size
        self.total += float(found.sum(dtype=np.float64))
        self.minimum = min(self.minimum, float(found.min(initial=np.inf)))
        self.maximum = max(self.maximum, float(found.max(initial=-np.inf)))

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON; without a valid pixel only the counts."""
        found: dict[str, Any] = dict(valid_pixels=self.valid_pixels, pixels=self.pixels)
        if self.numbers:
            mean = self.total / self.numbers
            found.update(minimum=self.minimum, mean=mean, maximum=self.maximum)
        return found


class PartStatistics:
    """Counts over the readable images and targets of a data set.

    Args:
        classes: names of its classes.
        palette: R, G, B in 0..255 of each class.
        depth_unit: unit of its depth.
        targets: kinds of target of its samples.

    Attributes:
        class_pixels, class_images: pixels of each class id, and images in which it occurs; 256.
        normals: number of pixels with a normal, and of all pixels.
        values: statistics of every other kind.
        pictures: path of the first image with each digest.
    """

    def __init__(
        self,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        depth_unit: str,
        targets: Sequence[str],
    ) -> None:
        self.classes = classes
        self.palette = palette
        self.depth_unit = depth_unit
        self.targets = list(targets)
        self.samples = self.bad_samples = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.class_pixels = np.zeros(256, np.int64)
        self.class_images = np.zeros(256, np.int64)
        self.depth = DepthTally()
        self.normals = [0, 0]
        self.values: dict[str, ValueTally] = {}
        self.pictures: dict[bytes, str] = {}

    def add(self, sample: SampleCheck) -> str | None:
        """Add a sample; return the path of an earlier image with the same pixels, or None."""
        self.samples += 1
        self.bad_samples += bool(sample.problems)
        if SEMSEG.kind in sample.targets:
            pixels = np.bincount(sample.targets[SEMSEG.kind].ravel(), minlength=256)
            self.class_pixels += pixels
            self.class_images += pixels > 0
        if DEPTH.kind in sample.targets:
            self.depth.add(sample.targets[DEPTH.kind])
        if NORMALS.kind in sample.targets:
            valid = sample.targets[NORMALS.kind].any(-1)
            self.normals[0] += int(valid.sum())
            self.normals[1] += valid.size
        for kind in sample.targets.keys() - {SEMSEG.kind, DEPTH.kind, NORMALS.kind}:
            self.values.setdefault(kind, ValueTally(kind)).add(sample.targets[kind])
        if sample.image is None:
            return None
        self.sizes[sample.image.shape[:2]] += 1
        first = self.pictures.setdefault(sample.digest, sample.path)
        return None if first == sample.path else first

    @property
    def absent_classes(self) -> list[str]:
        """Return the names of the classes without a pixel; none where there are no labels."""
        if not self.class_pixels.any():
            return []
        return [name for i, name in enumerate(self.classes) if not self.class_pixels[i]]

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON."""
        result: dict[str, Any] = dict(
            samples=self.samples,
            bad_samples=self.bad_samples,
            sizes={f"{h}x{w}": count for (h, w), count in self.sizes.most_common()},
            targets=self.targets,
        )
        if self.class_pixels.any():
            result["classes"] = {
                name: dict(pixels=int(self.class_pixels[i]), images=int(self.class_images[i]))
                for i, name in enumerate(self.classes)
            }
            result["pixels_without_class"] = int(self.class_pixels[IGNORE_LABEL])
        depth = self.depth.statistics()
        if depth is not None:
            result["depth"] = dict(vars(depth), unit=self.depth_unit, codec=depth.codec)
        if self.normals[1]:
            result["normals"] = dict(zip(("valid_pixels", "pixels"), self.normals, strict=True))
        result.update({kind: tally.as_dict() for kind, tally in self.values.items()})
        return result


@dataclass(frozen=True)
class Finding:
    """A problem or a warning about one file or folder.

    Args:
        part: name of the data set, see `named_datasets`.
        file: the file; the folder if the finding concerns the whole data set.
        text: what was found and expected, and the remedy.
    """

    part: str
    file: str
    text: str

    def __str__(self) -> str:
        return self.text if self.file in self.text else f"{self.file}: {self.text}"


def counted(findings: Sequence[Finding], name: str) -> str:
    """Format a number of findings: '1 problem', '2 problems'."""
    return f"{len(findings)} {name}" + ("" if len(findings) == 1 else "s")


@dataclass
class PartCheck:
    """Findings and statistics of one data set.

    Args:
        name, splits: its name and the splits of the config that read it, see `named_datasets`.
        kind: name of its class.
        root: its folder.
        problems: errors in the data.
        warnings: values that are legal but probably a mistake.
        statistics: statistics of its readable samples; None where it could not be opened.
    """

    name: str
    splits: list[str]
    kind: str
    root: str
    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    statistics: PartStatistics | None = None

    def problem(self, file: str, text: str) -> None:
        """Record a problem; the same one is recorded once."""
        found = Finding(self.name, file, text)
        if found not in self._known:
            self._known.add(found)
            self.problems.append(found)

    def warn(self, file: str, text: str) -> None:
        """Record a warning."""
        self.warnings.append(Finding(self.name, file, text))

    def __post_init__(self) -> None:
        self._known: set[Finding] = set()


@dataclass
class DataCheck:
    """Findings in all data sets of a config."""

    parts: list[PartCheck]

    @property
    def problems(self) -> list[Finding]:
        """Return the problems of all data sets."""
        return [finding for part in self.parts for finding in part.problems]

    @property
    def warnings(self) -> list[Finding]:
        """Return the warnings of all data sets."""
        return [finding for part in self.parts for finding in part.warnings]


def suspect_part(part: PartCheck) -> None:
    """Warn of suspicious statistics of one data set."""
    found = part.statistics
    if found is None:
        return
    if found.absent_classes:
        part.warn(part.root, f"classes without a single pixel: {', '.join(found.absent_classes)}.")
    depth = found.depth.statistics()
    if depth is not None and found.depth_unit == "m":
        median = depth.percentile_50
        if not METRES[0] <= median <= METRES[1]:
            part.warn(
                part.root,
                f"half of the depths are below {median:.4g} m: is depth_format.scale right? (Depth "
                "that is not metric has a depth_unit.)",
            )


def suspect_leaks(parts: Sequence[PartCheck]) -> None:
    """Warn of images that occur in two splits, which make validation scores meaningless."""
    for part in parts:
        if "train" in part.splits and len(part.splits) > 1:
            others = " and ".join(part.splits[1:])
            part.warn(part.root, f"this is the data of train and of {others}.")
    for one, other in combinations(parts, 2):
        if set(one.splits) & set(other.splits) or not (one.statistics and other.statistics):
            continue
        first, second = one.statistics.pictures, other.statistics.pictures
        for digest in first.keys() & second.keys():
            path = second[digest]
            other.warn(path, f"{path} is the picture of {one.name}'s {first[digest]}.")
