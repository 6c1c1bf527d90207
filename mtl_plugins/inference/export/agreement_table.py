"""How exported and eager predictions agree, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from .agreement import LARGEST_DIFFERENCE, LEAST_AGREEMENT, Agreement
from .tracing import ExportError

LIMITS = (
    f"Limits: classes (and others, to {LARGEST_DIFFERENCE:g}) agree on {LEAST_AGREEMENT:.1%} of "
    f"the pixels, depth within {LARGEST_DIFFERENCE:g} relative everywhere."
)


def report_agreement(path: str, agreements: Sequence[Agreement]) -> None:
    """Print how the predictions of an exported file agree with the model's.

    Raises:
        ExportError: they do not.
    """
    Console().print(agreement_table(agreements, f"{path} and the model it was exported from"))
    if not all(each.holds for each in agreements):
        raise ExportError(
            f"The predictions of {path} differ from the model's by more than the limits above: do "
            "not use it."
        )


def agreement_table(agreements: Iterable[Agreement], title: str) -> Table:
    """Return a table with a row for every batch and task."""
    table = Table(title=title, box=box.SIMPLE, caption=LIMITS)
    table.add_column("images")
    table.add_column("task")
    for heading in ("max difference", "max relative", "pixels that agree"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for each in agreements:
        table.add_row(
            f"{each.images} x {each.height} x {each.width}",
            each.task,
            # Of class ids a difference has no size.
            "-" if each.kind == "semseg" else f"{each.largest:.1e}",
            "-" if each.relative is None else f"{each.relative:.1e}",
            "-" if each.agreeing is None else f"{each.agreeing:.3%}",
            "ok" if each.holds else "[red]differs[/red]",
        )
    return table


def worst(agreements: Sequence[Agreement]) -> dict[str, Agreement]:
    """Return the batch that agrees least, for each task.

    >>> near, far = (Agreement("depth", "depth", 1, 8, 8, x, relative=x) for x in (0.1, 0.2))
    >>> worst([near, far, near])["depth"] is far
    True
    """
    found: dict[str, Agreement] = {}
    for each in agreements:
        if each.task not in found or _badness(each) > _badness(found[each.task]):
            found[each.task] = each
    return found


def _badness(agreement: Agreement) -> tuple[bool, float]:
    disagreeing = 0.0 if agreement.agreeing is None else 1 - agreement.agreeing
    return not agreement.holds, disagreeing + (agreement.relative or 0.0)
