"""Rows of the benchmark: each file of `rows` lists its cases."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple

from mtl_plugins.errors import ConfigError

from . import rows
from .measurement import Goal, Measurement
from .settings import Settings


class NotMeasured(Exception):  # noqa: N818 (no error: the table shows the reason)
    """A case cannot be measured here, for the reason given."""


class Samples(NamedTuple):
    """The values of a case, one a repeat, of ours and of the other (empty if there is none)."""

    ours: Sequence[float]
    other: Sequence[float] = ()
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Args:
        name: unique within its row.
        ours, other: descriptions of the two sides; `other` is empty if there is no other.
        unit: unit of both sides.
        measure: called once; raises `NotMeasured` with the reason if it cannot measure here.
        goal: goal for ours / other.
    """

    name: str
    ours: str
    other: str
    unit: str
    measure: Callable[[], Samples]
    goal: Goal | None = None

    def run(self) -> Measurement:
        """Call `measure` and describe its result."""
        described = (self.name, self.ours, self.other, self.unit)
        try:
            samples = self.measure()
        except NotMeasured as reason:
            return Measurement(*described, goal=self.goal, skipped=str(reason))
        return Measurement(
            *described, list(samples.ours), list(samples.other), self.goal, samples.note
        )


@dataclass(frozen=True)
class Row:
    """A file of `rows`: `cases(settings)`, and a docstring whose first line is the title."""

    name: str
    title: str
    cases: Callable[[Settings], Iterable[Case]]


def row_names() -> list[str]:
    """Return the names of all rows."""
    return sorted(module.name for module in pkgutil.iter_modules(rows.__path__))


def load_row(name: str) -> Row:
    """Import a row by its name.

    Raises:
        ConfigError: there is no row of this name.
    """
    if name not in row_names():
        raise ConfigError(f"There is no row {name!r}; choose from {', '.join(row_names())}.")
    module = import_module(f"{rows.__name__}.{name}")
    return Row(name, (module.__doc__ or name).splitlines()[0], module.cases)
