"""Findings and statistics of a data check: what was read, counted and found suspicious."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from ..targets import Target
from .tallies import TALLIES, Tally


@dataclass
class SampleCheck:
    """The readable parts of a sample and its problems.

    Args:
        path: path of its image.
        image: H,W,3 uint8 BGR; None where it is damaged.
        digest: hash of the image's pixels.
        targets, files: the valid decoded targets and their files, by name.
        problems, warnings: (file, text) pairs.
    """

    path: str
    image: np.ndarray | None = None
    digest: bytes = b""
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class PartStatistics:
    """Counts over the readable images and targets of a data set.

    Args:
        targets: those of its samples.

    Attributes:
        tallies: the tally of each target by name.
        pictures: path of the first image with each digest.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = list(targets)
        self.samples = self.bad_samples = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.tallies: dict[str, Tally] = {t.name: TALLIES[t.form](t) for t in self.targets}
        self.pictures: dict[bytes, str] = {}

    def add(self, sample: SampleCheck) -> str | None:
        """Add a sample; return the path of an earlier image with the same pixels, or None."""
        self.samples += 1
        self.bad_samples += bool(sample.problems)
        for name, values in sample.targets.items():
            self.tallies[name].add(values)
        if sample.image is None:
            return None
        self.sizes[sample.image.shape[:2]] += 1
        first = self.pictures.setdefault(sample.digest, sample.path)
        return None if first == sample.path else first

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics for JSON."""
        return dict(
            samples=self.samples,
            bad_samples=self.bad_samples,
            sizes={f"{h}x{w}": count for (h, w), count in self.sizes.most_common()},
            targets={name: tally.as_dict() for name, tally in self.tallies.items()},
        )


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
    for tally in found.tallies.values():
        for text in tally.suspicions():
            part.warn(part.root, text)


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
