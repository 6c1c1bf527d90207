"""Scores of the single classes, as numbers and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ..functional.semseg import accuracy_per_class, iou_per_class


class ClassScore(NamedTuple):
    """One class: its IoU, its accuracy and its share of the true pixels, all in percent.

    IoU and accuracy are nan where `iou_per_class` and `accuracy_per_class` are.
    """

    name: str
    iou: float
    accuracy: float
    pixels: float


def class_scores(confusion: Tensor, classes: Sequence[str]) -> list[ClassScore]:
    """Read the scores of every class off a confusion matrix.

    Args:
        confusion: C,C, rows are the truth.
        classes: the C names.

    Raises:
        ValueError: there are more or fewer names than classes.

    >>> from torch import tensor
    >>> class_scores(tensor([[3, 0], [1, 0]]), ["road", "sky"])[0]
    ClassScore(name='road', iou=75.0, accuracy=100.0, pixels=75.0)
    """
    counts = confusion.sum(1).double()
    columns = (
        iou_per_class(confusion),
        accuracy_per_class(confusion),
        100 * counts / counts.sum(),
    )
    values = zip(classes, *(column.tolist() for column in columns), strict=True)
    return [ClassScore(*row) for row in values]


def class_table(scores: Sequence[ClassScore]) -> str:
    """Lay the scores out as a Markdown table, one line a class; `-` where there is no value.

    >>> print(class_table([ClassScore("road", 75.0, 100.0, 80.0)]).splitlines()[2])
    | road  | 75.00 |   100.00 |       80.00 |
    """
    table = Table(box=box.MARKDOWN)
    table.add_column("class")
    for column in ("IoU", "accuracy", "% of pixels"):
        table.add_column(column, justify="right")
    for name, *values in scores:
        table.add_row(name, *("-" if math.isnan(value) else f"{value:.2f}" for value in values))
    text = StringIO()
    # A log file has no terminal: fixed width, no colour, no markup inside class names.
    Console(file=text, width=100, color_system=None, markup=False, emoji=False).print(table)
    return text.getvalue().strip()
