"""Measurements of a case, and goals for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Goal:
    """A goal for a ratio: "at least" or "at most" a bound.

    >>> str(Goal("at least", 1.5)), Goal("at most", 0.05).met(0.04)
    ('at least 1.5', True)
    """

    kind: Literal["at least", "at most"]
    bound: float

    def met(self, ratio: float) -> bool:
        """Return whether a ratio meets the goal."""
        return ratio >= self.bound if self.kind == "at least" else ratio <= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g}"


@dataclass(frozen=True)
class Measurement:
    """The repeats of one case.

    Args:
        case: name of the case, unique within its row.
        ours_is, other_is: descriptions of the two sides; `other_is` is empty if there is no other.
        unit: unit of both sides.
        ours, other: one value a repeat; the two of a repeat were measured one after the other.
        goal: goal for `ratio`.
        note: remarks, such as the reason for a missed goal.
        skipped: why nothing was measured; empty otherwise.

    >>> found = Measurement("step", "us", "them", "images/s", [8.0, 9.0, 12.0], [4.0, 4.0, 4.0])
    >>> found.ratio, found.quartiles
    (2.25, (2.125, 2.625))
    """

    case: str
    ours_is: str
    other_is: str
    unit: str
    ours: Sequence[float] = ()
    other: Sequence[float] = ()
    goal: Goal | None = None
    note: str = ""
    skipped: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours divided by the other of each repeat; empty if there is no other."""
        return [a / b for a, b in zip(self.ours, self.other, strict=True)] if self.other else []

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return float(np.median(self.ratios)) if self.ratios else None

    @property
    def quartiles(self) -> tuple[float, float] | None:
        """The lower and upper quartile of the ratios."""
        if not self.ratios:
            return None
        low, high = np.quantile(self.ratios, [0.25, 0.75])
        return float(low), float(high)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a ratio."""
        return None if self.goal is None or self.ratio is None else self.goal.met(self.ratio)

    @property
    def missed_by(self) -> float | None:
        """Distance of the ratio from a missed goal, as a share of the goal.

        >>> Measurement("", "", "", "", [1.2], [1.0], Goal("at least", 1.5)).missed_by
        0.2
        """
        if self.goal is None or self.ratio is None or self.met:
            return None
        return round(abs(self.ratio - self.goal.bound) / self.goal.bound, 4)

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that JSON can hold."""
        return asdict(self) | dict(ratio=self.ratio, quartiles=self.quartiles, met=self.met)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Measurement:
        """Undo `to_json`."""
        kept = {key: stored[key] for key in cls.__dataclass_fields__}
        goal = kept.pop("goal")
        return cls(**kept, goal=None if goal is None else Goal(**goal))
