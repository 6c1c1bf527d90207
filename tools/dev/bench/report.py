"""The results as tables, on the terminal and as Markdown, and as one picture."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from mtl_plugins.errors import ConfigError

from .measurement import Measurement
from .picture import draw_results
from .run import RowResult, kept_results

COLUMNS = ("case", "ours", "other", "unit", "ours / other", "quartiles", "goal", "met")
PIPE_WIDTH = 140
CAPTION = (
    "Medians of {repeats} repeats, ours and the other in turns; the ratio is the median of the "
    "repeats' ratios, with their quartiles. Random weights. Measured on {machine}."
)


def report(results: Sequence[RowResult], out: str, docs: str | None = None) -> None:
    """Print tables, and write them with a picture of all ratios.

    Written is also what earlier calls measured under the same conditions.

    Args:
        results: of rows measured with the same settings, which are printed.
        out: folder of the results; it gets `bench_<device>.md` and `bench_<device>.png`.
        docs: Markdown file with `<!-- bench <device> -->` and `<!-- end <device> -->`: what
            stands between them becomes the tables, with the picture beside the file.

    Raises:
        ConfigError: `docs` has no place for the tables.
    """
    # A file or pipe has no width: there, wide enough for every column.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    for result in results:
        console.print(_table(result))
        for line in _notes(result):
            console.print(f"- {line}", markup=False, highlight=False)
    made = results[0].made
    caption = CAPTION.format(**made)
    console.print(caption, markup=False, highlight=False)
    rows = {each.row: each for each in (*kept_results(out, made), *results)}
    results = [rows[name] for name in sorted(rows)]
    text = "\n\n".join([caption, *map(_markdown, results)]) + "\n"
    os.makedirs(out, exist_ok=True)
    base = os.path.join(out, f"bench_{made['device']}")
    with open(base + ".md", "w", encoding="utf-8") as file:
        file.write(text)
    draw_results(results, caption, base + ".png")
    if docs is not None:
        picture = f"{os.path.splitext(docs)[0]}_{made['device']}.png"
        shutil.copyfile(base + ".png", picture)
        link = f"![Ratios of all rows]({os.path.basename(picture)})"
        _put(f"{text}\n{link}\n", made["device"], docs)
    console.print(f"{base}.md, {base}.png", highlight=False)


def _cells(measurement: Measurement) -> list[str]:
    spread = measurement.quartiles
    return [
        measurement.case,
        _median(measurement.ours),
        _median(measurement.other),
        measurement.unit,
        "-" if measurement.ratio is None else _number(measurement.ratio),
        "-" if spread is None else " - ".join(map(_number, spread)),
        "-" if measurement.goal is None else str(measurement.goal),
        {None: "-", True: "yes", False: "no"}[measurement.met],
    ]


def _median(values: Sequence[float]) -> str:
    return _number(float(np.median(values))) if len(values) else "-"


def _number(value: float) -> str:
    """Return three digits that matter.

    >>> _number(1234.5), _number(0.01234)
    ('1234', '0.0123')
    """
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _notes(result: RowResult) -> list[str]:
    """Return what a row's cases compare, why they were skipped, and what was missed."""
    lines = []
    for each in result.measurements:
        compared = f"{each.ours_is} / {each.other_is}" if each.other_is else each.ours_is
        line = f"{each.case}: {compared}."
        if each.skipped:
            line += f" Not measured: {each.skipped}."
        if each.missed_by is not None:
            line += f" Missed by {100 * each.missed_by:.1f} %."
        lines.append(f"{line} {each.note}".rstrip())
    return lines


def _table(result: RowResult) -> Table:
    table = Table(title=f"{result.row}: {result.title}", box=box.SIMPLE, title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in ("case", "unit", "goal") else "right")
    for measurement in result.measurements:
        table.add_row(*_cells(measurement))
    return table


def _markdown(result: RowResult) -> str:
    rule = ["---" if name in ("case", "unit", "goal") else "---:" for name in COLUMNS]
    lines = [COLUMNS, rule, *map(_cells, result.measurements)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "\n".join(f"- {line}" for line in _notes(result))
    return f"### `{result.row}`: {result.title}\n\n{table}\n\n{notes}"


def _put(text: str, device: str, path: str) -> None:
    """Replace a device's part of a Markdown file."""
    first, last = f"<!-- bench {device} -->\n", f"<!-- end {device} -->"
    with open(path, encoding="utf-8") as file:
        before, _, rest = file.read().partition(first)
    _, found, after = rest.partition(last)
    if not found:
        raise ConfigError(
            f"{path} has no lines {first.strip()!r} and {last!r}; the tables go between them."
        )
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + first + text + found + after)
