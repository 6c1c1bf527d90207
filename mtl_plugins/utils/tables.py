"""Tables of texts: on the terminal, as Markdown, and rows of values as CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .files import write_text

PIPE_WIDTH = 140
"""Characters a line where the output is a file or a pipe, which have no width of their own."""

BAR_WIDTH = 30
BAR_ENDS = " ▏▎▍▌▋▊▉"
"""The last character of a bar, by the eighths of it that are filled."""


@dataclass(frozen=True)
class TextTable:
    """A table of texts, which rich's `Console.print` can print.

    Args:
        columns: headings.
        rows: one text a column.
        words: headings of the columns that hold words and are aligned left; the others hold
            numbers and are aligned right. Default: the first column.
        title: of the printed table.
        caption: a line below the printed table.
        colours: colours of printed rows, by the row's index.

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
    caption: str | None = None
    colours: Mapping[int, str] = field(default_factory=dict)

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
        table = Table(
            title=None if self.title is None else Text(self.title, "table.title"),
            caption=None if self.caption is None else Text(self.caption, "table.caption"),
            title_justify="left", caption_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0),
        )  # fmt: skip
        for name in self.columns:
            # The unit on its own line, or the headings would be wider than the numbers.
            table.add_column(
                Text(name.replace(" (", "\n(")),
                justify="left" if self._holds_words(name) else "right",
                overflow="fold",
            )
        for index, row in enumerate(self.rows):
            # As text: brackets in a name are no markup.
            table.add_row(*map(Text, row), style=self.colours.get(index))
        return table

    def _holds_words(self, name: str) -> bool:
        return name in (self.columns[:1] if self.words is None else self.words)


def _cell(text: str) -> str:
    return " ".join(text.split("\n")).replace("|", "\\|")


def bar(share: float) -> str:
    """Draw a share between 0 and 1 as a bar of `BAR_WIDTH` characters at most.

    >>> bar(0.05)
    '█▌'
    """
    whole, eighths = divmod(round(share * BAR_WIDTH * 8), 8)
    return ("█" * whole + BAR_ENDS[eighths]).rstrip()


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
