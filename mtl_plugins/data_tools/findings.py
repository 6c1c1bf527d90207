"""Findings and statistics of a data check: what was read, counted and found suspicious."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from ..datasets.files import shown_colours
from ..models.preprocessing import RGB_CHANNELS
from ..targets import Target
from .tallies import TALLIES, Tally


@dataclass
class SampleCheck:
    """The readable parts of a sample and its problems.

    Args:
        path: path of its image.
        image: H,W,C, blue, green, red and others; None where it is damaged.
        digest: hash of the image's pixels.
        levels: number of different values in the image.
        moments: mean and mean square of each channel of the image, 2,C.
        targets, files: the valid decoded targets and their files, by name.
        problems: (file, text) pairs.
    """

    path: str
    image: np.ndarray | None = None
    digest: bytes = b""
    levels: int = 256
    moments: np.ndarray | None = None
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


LISTED = 8
"""Number of files with the same finding up to which each is listed by itself, if others lack it."""

FEW_LEVELS = 32
"""Number of different values up to which an image is suspected to have lost its details."""

SMALLEST = 1024
"""Number of values in an image from which on few different ones are suspicious."""

DULL, ROUGH, TWIN = "images are of one colour", "images have few different values", "images repeat"
LEVELS_REMEDY = (
    "If its 16 bits hold fewer, say which values are black and white: image_range=(0, 4095) for "
    "12 bits."
)


class PartStatistics:
    """Counts over the readable images and targets of a data set.

    Args:
        targets: those of its samples.
        pipeline: names of the transforms through which they are trained.

    Attributes:
        tallies: the tally of each target by name.
        wide: whether images have more than three channels of 8 bits.
        unreadable: what would end a training that reads one of the samples; "": nothing.
        pictures: path of the first image with each digest.
        groups: (file, text) of each image with the same finding.
    """

    def __init__(self, targets: Sequence[Target], pipeline: Collection[str] = ()) -> None:
        self.targets = list(targets)
        self.samples = self.bad_samples = 0
        self.wide = False
        self.unreadable = ""
        self._pixels, self._moments = 0, np.zeros((2, 1))
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.tallies: dict[str, Tally] = {t.name: TALLIES[t.form](t) for t in self.targets}
        for tally in self.tallies.values():
            tally.sky_known = "FillSkyDepth" in pipeline
        self.pictures: dict[bytes, str] = {}
        self.groups: dict[str, list[tuple[str, str]]] = {DULL: [], ROUGH: [], TWIN: []}

    def add(self, sample: SampleCheck) -> None:
        """Add a sample."""
        self.samples += 1
        self.bad_samples += bool(sample.problems)
        for name, values in sample.targets.items():
            self.tallies[name].add(values, sample.files[name])
        if sample.image is None:
            return
        path, image = sample.path, sample.image
        self.sizes[image.shape[:2]] += 1
        self.wide |= image.dtype != np.uint8 or image.shape[2] != RGB_CHANNELS
        if sample.moments is not None:
            pixels = image.shape[0] * image.shape[1]
            self._pixels += pixels
            self._moments = self._moments + pixels * sample.moments
        first = self.pictures.setdefault(sample.digest, path)
        if (image == image[0, 0]).all():
            colour = shown_colours(image)[0, 0, ::-1].tolist()
            self.groups[DULL].append((path, f"{path} is of one colour (R, G, B = {colour})."))
        elif sample.levels <= FEW_LEVELS and image.size >= SMALLEST:
            text = f"{path} has only {sample.levels} different values. {LEVELS_REMEDY}"
            self.groups[ROUGH].append((path, text))
        if first != path:
            self.groups[TWIN].append((path, f"{path} is the picture of {first}."))

    def alike(self) -> dict[str, list[tuple[str, str]]]:
        """Return (file, text) of the files of each finding that several may have."""
        found = dict(self.groups)
        for name, tally in self.tallies.items():
            # Without any valid pixel the tally itself says so, once.
            files = tally.empty if tally.valid_pixels else []
            texts = [(file, f"{file} {tally.nothing}.") for file in files]
            found[f"files of {name}: each {tally.nothing}"] = texts
        return found

    def suspicions(self) -> Iterator[tuple[str, str]]:
        """Yield (file, text) of all that is legal but probably a mistake; file "": all of them."""
        for name, found in self.alike().items():
            if len(found) > LISTED or 1 < len(found) == self.samples:
                yield "", self.summary(name, found)
            else:
                yield from found
        for tally in self.tallies.values():
            for text in tally.suspicions():
                yield "", text

    def summary(self, name: str, found: Sequence[tuple[str, str]]) -> str:
        """Return one text for all images with the same finding."""
        listed = ", ".join(file for file, _ in found[:3])
        remedy = f" {LEVELS_REMEDY}" if name == ROUGH else ""
        return f"{len(found)} of {self.samples} {name}, such as {listed}.{remedy}"

    def channels(self) -> dict[str, list[float]]:
        """Return mean and standard deviation of each channel: red, green, blue, others."""
        if not self._pixels:
            return {}
        mean, square = self._moments / self._pixels
        # Rounding may make the variance of one value negative.
        std = np.sqrt(np.maximum(square - mean**2, 0))
        return dict(mean=_red_first(mean), std=_red_first(std))

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON."""
        return dict(
            samples=self.samples,
            bad_samples=self.bad_samples,
            channels=self.channels(),
            sizes={f"{h}x{w}": count for (h, w), count in self.sizes.most_common()},
            targets={name: tally.as_dict() for name, tally in self.tallies.items()},
        )


def _red_first(values: np.ndarray) -> list[float]:
    colours, others = values[:RGB_CHANNELS], values[RGB_CHANNELS:]
    return [round(value, 2) for value in (*colours[::-1].tolist(), *others.tolist())]


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
    if part.statistics is not None:
        for file, text in part.statistics.suspicions():
            part.warn(file or part.root, text)


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
