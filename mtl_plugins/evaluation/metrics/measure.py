"""What a metric measures, declared once: its name, its label, its better end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import ConfigError
from ...targets import DENSE_TARGETS, SEVERAL_TASKS

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Measure:
    """One number that a `StreamingMetric` gives.

    Args:
        name: "<task>/<metric>", as logs, `save_best` and `monitor` call it.
        better: which values are better.
        label: what tables call it; "": it is in no table, but in logs and reports.
        main: whether it stands for its kind where one number has to: in Delta_m, in the curves
            that a report shows first, for the best checkpoint. One a kind.
        kind: the kind of target that it measures; default: what its name begins with.

    Raises:
        ConfigError: an argument is not what is said above.

    >>> Measure("edges/f1", "higher").kind
    'edges'
    """

    name: str
    better: Direction
    label: str = ""
    main: bool = False
    kind: str = ""

    def __post_init__(self) -> None:
        task, _, metric = self.name.partition("/")
        if not task or not metric or self.better not in ("higher", "lower"):
            raise ConfigError(
                f"Measure(name={self.name!r}, better={self.better!r}); expected a name "
                "'<task>/<metric>', and 'higher' or 'lower'."
            )
        object.__setattr__(self, "kind", self.kind or task)


_DECLARED: dict[str, Measure] = {}


def declare_measures(measures: tuple[Measure, ...], owner: str) -> None:
    """Take in what a metric class declares; `StreamingMetric` calls this for its subclasses.

    Raises:
        ConfigError: another measure has one of the names, or stands for the kind already.
    """
    for measure in measures:
        for other in _DECLARED.values():
            both_main = measure.main and other.main and measure.kind == other.kind
            if other != measure and (other.name == measure.name or both_main):
                raise ConfigError(
                    f"{owner} declares {measure}, but there is {other} already. Give yours another "
                    "name, and main=True only where its kind has no main measure yet."
                )
    _DECLARED.update({measure.name: measure for measure in measures})


def declared_measures() -> list[Measure]:
    """Return everything that the metric classes of this process declare, in the order of tables.

    Kinds come in the order of `DENSE_TARGETS`, what joins several tasks last; of a kind first what
    bears its name, then what others (a protocol) measure of it.
    """
    order = {kind: place for place, kind in enumerate((*DENSE_TARGETS, SEVERAL_TASKS))}

    def place(measure: Measure) -> tuple[int, bool]:
        own = measure.name.startswith(f"{measure.kind}/")
        return order.get(measure.kind, len(order)), not own

    return sorted(_DECLARED.values(), key=place)


def main_measures() -> dict[str, Measure]:
    """Return the measure that stands for each kind that has one."""
    return {measure.kind: measure for measure in declared_measures() if measure.main}


def table_labels() -> dict[str, str]:
    """Return the names of the measures that tables show, in their order, and what to call them."""
    return {measure.name: measure.label for measure in declared_measures() if measure.label}


def direction_of(name: str) -> Direction | None:
    """Return whether higher or lower values of a metric are better; None: not known.

    >>> direction_of("depth/rmse"), direction_of("somebody/else")
    ('lower', None)
    """
    measure = _DECLARED.get(name)
    return None if measure is None else measure.better


def kind_of(name: str) -> str:
    """Return the kind of target that a metric measures, declared or not.

    >>> kind_of("mtan/abs_err"), kind_of("edges/images_without_edges")
    ('depth', 'edges')
    """
    measure = _DECLARED.get(name)
    return name.split("/")[0] if measure is None else measure.kind
