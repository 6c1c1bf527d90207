"""What a case is, and what it may find."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")

MODULES = ("training", "speed", "memory", "tools")
"""Modules of this folder that define cases."""


class Skipped(Exception):  # noqa: N818 (no error: the table says why)
    """A case cannot run here, for the reason given."""


@dataclass(frozen=True)
class Settings:
    """Where and how large the cases run.

    Args:
        root: folder of the repository.
        out: folder of the results and of scratch files.
        device: "cuda" or "cpu".
        quick: tiny sizes, which show that everything runs and measure nothing.
    """

    root: str
    out: str
    device: str = "cuda"
    quick: bool = False

    def choose(self, full: T, quick: T) -> T:
        """Return the size for this run."""
        return quick if self.quick else full

    def scratch(self, *names: str) -> str:
        """Return a path in the scratch folder."""
        return os.path.join(self.out, "scratch", "quick" if self.quick else "full", *names)

    def config(self, name: str) -> str:
        """Return the path of a shipped config."""
        return os.path.join(self.root, "configs", name)


@dataclass
class Findings:
    """What a case measured, and which of its bounds did not hold.

    Args:
        on_change: called with the measured values whenever there are more, so that a case that is
            stopped or crashes does not lose them.
    """

    on_change: Callable[[dict[str, Any]], None] = lambda measured: None
    measured: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def note(self, **values: Any) -> None:
        """Record values that have no bound."""
        self.measured.update(values)
        self.on_change(self.measured)

    def bound(
        self, name: str, value: float, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """Record a value, and a failure where it is out of its bounds or not a number."""
        self.note(**{name: value})
        if at_most is not None and not value <= at_most:
            self.failures.append(f"{name} = {value:.4g}, expected at most {at_most:g}")
        if at_least is not None and not value >= at_least:
            self.failures.append(f"{name} = {value:.4g}, expected at least {at_least:g}")

    def check(self, name: str, holds: bool) -> None:
        """Record whether something holds, and a failure where it does not."""
        self.note(**{name: bool(holds)})
        if not holds:
            self.failures.append(f"{name} does not hold")


@dataclass(frozen=True)
class Case:
    """One claim, or a group of claims that share their set-up.

    Args:
        name: unique name.
        rank: its place in the order of importance.
        limit: seconds after which it is stopped.
        run: called as `run(settings, findings)`.
    """

    name: str
    rank: int
    limit: float
    run: Callable[[Settings, Findings], None]

    @property
    def title(self) -> str:
        """The first line of the function's docstring."""
        return (self.run.__doc__ or "").partition("\n")[0]


@dataclass
class Result:
    """How a case ended: "passed", "failed", "error", "timeout", "crashed" or "skipped"."""

    case: str
    status: str
    seconds: float
    made: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what a line of the results file holds."""
        return asdict(self)


_cases: dict[str, Case] = {}


def case(rank: int, limit: float) -> Callable[[Callable], Callable]:
    """Register a function `(settings, findings)` as a case named after it."""

    def register(run: Callable[[Settings, Findings], None]) -> Callable:
        _cases[run.__name__] = Case(run.__name__, rank, limit, run)
        return run

    return register


def cases() -> list[Case]:
    """Return all cases, the most important one first."""
    for name in MODULES:
        import_module(f"{__package__}.{name}")
    return sorted(_cases.values(), key=lambda each: each.rank)
