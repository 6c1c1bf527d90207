"""What was measured of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Goal:
    """What a ratio should be: "at least" or "at most" a bound.

    >>> str(Goal("at least", 1.5)), Goal("at most", 0.05).met(0.04)
    ('at least 1.5', True)
    """

    kind: Literal["at least", "at most"]
    bound: float

    def met(self, ratio: float) -> bool:
        """Return whether a ratio reaches the goal."""
        return ratio >= self.bound if self.kind == "at least" else ratio <= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g}"


@dataclass(frozen=True)
class Measurement:
    """The repeats of one case, and what is compared in them.

    Args:
        case: name of the case, unique within its row.
        ours_is, other_is: what the two sides are; `other_is` is empty where there is no other.
        unit: of both sides.
        ours, other: one value a repeat; the two of a repeat were taken one after the other.
        goal: what `ratio` should be.
        note: what else was seen: where the goal is missed, why.
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
        """Ours divided by the other of each repeat; empty where there is no other."""
        return [a / b for a, b in zip(self.ours, self.other, strict=True)] if self.other else []

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return float(np.median(self.ratios)) if self.ratios else None

    @property
    def quartiles(self) -> tuple[float, float] | None:
        """The spread of the ratios: their quartiles."""
        if not self.ratios:
            return None
        low, high = np.quantile(self.ratios, [0.25, 0.75])
        return float(low), float(high)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a ratio."""
        return None if self.goal is None or self.ratio is None else self.goal.met(self.ratio)

    @property
    def missed_by(self) -> float | None:
        """How far the ratio is from a goal that is missed, as a share of the goal.

        >>> Measurement("", "", "", "", [1.2], [1.0], Goal("at least", 1.5)).missed_by
        0.2
        """
        if self.met is not False:
            return None
        return round(abs(self.ratio - self.goal.bound) / self.goal.bound, 4)

    def to_json(self) -> dict[str, Any]:
        """Return a dict that JSON can hold."""
        return asdict(self) | dict(ratio=self.ratio, quartiles=self.quartiles, met=self.met)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Measurement:
        """Return what `to_json` was made of."""
        kept = {key: stored[key] for key in cls.__dataclass_fields__}
        goal = kept.pop("goal")
        return cls(**kept, goal=None if goal is None else Goal(**goal))
