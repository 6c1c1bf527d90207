"""Tables of texts: on the terminal, as Markdown, and rows of values as CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .files import write_text

PIPE_WIDTH = 140
"""Characters a line where the output is a file or a pipe, which have no width of their own."""


@dataclass(frozen=True)
class TextTable:
    """A table of texts, which rich's `Console.print` can print.

    Args:
        columns: headings.
        rows: one text a column.
        words: headings of the columns that hold words and are aligned left; the others hold
            numbers and are aligned right. Default: the first column.
        title: of the printed table.

    >>> table = TextTable(["step", "mIoU"], [["base", "40.1"], ["a|b", "-"]])
    >>> print(table.markdown())
    | step | mIoU |
    | --- | ---: |
    | base | 40.1 |
    | a\\|b | - |
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Collection[str] | None = None
    title: str | None = None

    def markdown(self, aligned: bool = False) -> str:
        """Return the table as Markdown, without a line end behind the last row.

        Args:
            aligned: pad the cells to columns of one width, for logs.
        """
        rule = ["---" if self._holds_words(name) else "---:" for name in self.columns]
        cells = [[_cell(text) for text in row] for row in (self.columns, *self.rows)]
        cells.insert(1, rule)
        if aligned:
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            for row in cells:
                for index, (name, width) in enumerate(zip(self.columns, widths, strict=True)):
                    pad = str.ljust if self._holds_words(name) else str.rjust
                    row[index] = pad(row[index], width, "-" if row is rule else " ")
        return "\n".join(f"| {' | '.join(row)} |" for row in cells)

    def __rich__(self) -> Table:
        """Return the table for a console."""
        table = Table(title=self.title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
        for name in self.columns:
            # The unit on its own line, or the headings would be wider than the numbers.
            table.add_column(
                Text(name.replace(" (", "\n(")),
                justify="left" if self._holds_words(name) else "right",
                overflow="fold",
            )
        for row in self.rows:
            # As text: brackets in a name are no markup.
            table.add_row(*map(Text, row))
        return table

    def _holds_words(self, name: str) -> bool:
        return name in (self.columns[:1] if self.words is None else self.words)


def _cell(text: str) -> str:
    return " ".join(text.split("\n")).replace("|", "\\|")


def wide_console(width: int = PIPE_WIDTH) -> Console:
    """Return a console on stdout that is as wide as the terminal; `width` where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=width)


def write_csv(path: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of values, whose keys are the columns, as CSV; None becomes an empty field.

    The folder is made if it is missing. Without rows the file is empty.
    """
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())
