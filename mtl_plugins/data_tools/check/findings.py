"""Problems and warnings of a data check, and warnings about suspicious statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from .statistics import PartStatistics

METRES = (0.1, 1000.0)
"""Plausible median depth of a metric data set; outside, its unit is probably wrong."""


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
