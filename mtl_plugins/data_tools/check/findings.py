"""What a check of data finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .part_statistics import PartStatistics


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (or suspicious) with one file or folder.

    Args:
        part: name of the data set, see `named_datasets`.
        file: the file; a folder where the finding is about all of them.
        text: what was found, expected and is to be done.
    """

    part: str
    file: str
    text: str

    def __str__(self) -> str:
        return self.text if self.file in self.text else f"{self.file}: {self.text}"


def counted(findings: Sequence[Finding], name: str) -> str:
    """Return how many there are: '1 problem', '2 problems'."""
    return f"{len(findings)} {name}" + ("" if len(findings) == 1 else "s")


@dataclass
class PartCheck:
    """What was found in one data set.

    Args:
        name, splits: see `named_datasets`; the splits of the config that read it.
        kind: name of its class.
        root: its folder.
        problems, warnings: what is wrong, and what is suspicious but may be meant.
        statistics: what its readable samples are like; None where it could not be opened.
    """

    name: str
    splits: list[str]
    kind: str
    root: str
    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    statistics: PartStatistics | None = None

    def problem(self, file: str, text: str) -> None:
        """Take down what is wrong with a file, once."""
        found = Finding(self.name, file, text)
        if found not in self._known:
            self._known.add(found)
            self.problems.append(found)

    def warn(self, file: str, text: str) -> None:
        """Take down what is suspicious."""
        self.warnings.append(Finding(self.name, file, text))

    def __post_init__(self) -> None:
        self._known: set[Finding] = set()


@dataclass
class DataCheck:
    """What was found in the data of a config."""

    parts: list[PartCheck]

    @property
    def problems(self) -> list[Finding]:
        """Everything that is wrong."""
        return [*self._all("problems")]

    @property
    def warnings(self) -> list[Finding]:
        """Everything that is suspicious."""
        return [*self._all("warnings")]

    def _all(self, name: str) -> Iterator[Finding]:
        for part in self.parts:
            yield from getattr(part, name)
