"""What came of many exports, as a table on the terminal and in Markdown."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from mtl_plugins.inference.export import FORMATS, LIMITS, Agreement
from mtl_plugins.utils import track

from .matrix import ExportResult, export_all

PIPE_WIDTH = 140


def report_exports(
    models: Mapping[str, dict],
    formats: Sequence[str],
    preprocess: bool = False,
    markdown_file: str | None = None,
) -> None:
    """Export all models, print a row for each, and write them as Markdown where asked for."""
    formats = list(formats or FORMATS)
    steps = export_all(models, formats, preprocess)
    results = list(track(steps, "exporting", len(models) * len(formats)))
    tasks = list(dict.fromkeys(task for each in results for task in each.agreements))
    heading = ["network", "format", *tasks, "seconds", ""]
    rows = [_row(each, tasks) for each in results]
    table = Table(*heading, box=box.SIMPLE)
    for row in rows:
        table.add_row(*row)
    # A file or pipe has no width: there, wide enough for every column.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    console.print(table)
    console.print(LIMITS, highlight=False)
    if markdown_file:
        rule = ["---"] * 2 + ["---:"] * (len(tasks) + 1) + ["---"]
        os.makedirs(os.path.dirname(markdown_file) or ".", exist_ok=True)
        with open(markdown_file, "w", encoding="utf-8") as file:
            for cells in (heading, rule, *rows):
                file.write(f"| {' | '.join(cells)} |\n")


def _row(result: ExportResult, tasks: Sequence[str]) -> list[str]:
    cells = [_cell(result.agreements.get(task)) for task in tasks]
    outcome = result.error or ("ok" if result.holds else "differs")
    return [result.name, result.format, *cells, f"{result.seconds:.1f}", outcome]


def _cell(agreement: Agreement | None) -> str:
    if agreement is None:
        return "-"
    if agreement.relative is not None:
        return f"{agreement.relative:.1e}"
    return f"{agreement.agreeing:.3%}"
