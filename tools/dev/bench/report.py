"""Report the results: tables on the terminal and as Markdown, and one picture."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mtl_plugins.errors import ConfigError
from mtl_plugins.utils import TextTable, wide_console, write_text

from .measurement import Measurement
from .run import RowResult, kept_results

COLUMNS = ("case", "ours", "other", "unit", "ours / other", "quartiles", "goal", "met")
WORDS = ("case", "unit", "goal")
CAPTION = (
    "Medians of {repeats} repeats, ours and the other in turns; the ratio is the median of the "
    "repeats' ratios, with their quartiles. Random weights. Measured on {machine}."
)
COLORS = {True: "tab:green", False: "tab:red", None: "0.45"}
MEANINGS = {True: "goal met", False: "goal missed", None: "no goal"}
DPI = 110
LINE = 0.24
"""Height of a case in inches."""


def report(results: Sequence[RowResult], out: str, docs: str | None = None) -> None:
    """Print the tables; write them and a picture of all ratios.

    The files also show the rows that earlier calls measured under the same conditions.

    Args:
        results: rows measured with the same settings, which are printed.
        out: folder of the results; it gets `bench_<device>.md` and `bench_<device>.png`.
        docs: Markdown file with `<!-- bench <device> -->` and `<!-- end <device> -->`: the tables
            replace the text between them, and the picture is copied beside the file.

    Raises:
        ConfigError: `docs` lacks these two lines.
    """
    console = wide_console()
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
    base = os.path.join(out, f"bench_{made['device']}")
    write_text(base + ".md", text)
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
    """Format a number with three significant digits.

    >>> _number(1234.5), _number(0.01234)
    ('1234', '0.0123')
    """
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _notes(result: RowResult) -> list[str]:
    """Return a line a case: the two sides, why it was skipped, by how much a goal is missed."""
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


def _table(result: RowResult) -> TextTable:
    rows = [_cells(measurement) for measurement in result.measurements]
    return TextTable(COLUMNS, rows, WORDS, f"{result.row}: {result.title}")


def _markdown(result: RowResult) -> str:
    notes = "\n".join(f"- {line}" for line in _notes(result))
    return f"### `{result.row}`: {result.title}\n\n{_table(result).markdown()}\n\n{notes}"


def _put(text: str, device: str, path: str) -> None:
    """Replace the part of a Markdown file between a device's two marks."""
    first, last = f"<!-- bench {device} -->\n", f"<!-- end {device} -->"
    with open(path, encoding="utf-8") as file:
        before, _, rest = file.read().partition(first)
    _, found, after = rest.partition(last)
    if not found:
        raise ConfigError(
            f"{path} has no lines {first.strip()!r} and {last!r}; the tables go between them."
        )
    write_text(path, before + first + text + found + after)


def draw_results(results: Sequence[RowResult], caption: str, path: str) -> None:
    """Draw the ratio of every case that has one, with its quartiles and its goal.

    Args:
        results: the rows.
        caption: text below the plot.
        path: PNG file to write.
    """
    drawn = [
        (f"{result.row}: {each.case}", each, each.ratio, each.quartiles)
        for result in results
        for each in result.measurements
        if each.ratio is not None and each.quartiles is not None
    ]
    figure = Figure(figsize=(10, 2 + LINE * len(drawn)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for y, (_, each, ratio, (low, high)) in enumerate(drawn):
        color = COLORS[each.met]
        axis.plot([low, high], [y, y], color=color, linewidth=2)
        axis.plot(ratio, y, "o", color=color, markersize=5)
        if each.goal is not None:
            # The open side of the mark points to good ratios.
            mark = "4" if each.goal.kind == "at least" else "3"
            axis.plot(each.goal.bound, y, mark, color="black", markersize=11)
    axis.set_xscale("log")
    axis.axvline(1, color="0.7", linewidth=1)
    axis.set_yticks(range(len(drawn)), [name for name, *_ in drawn], fontsize=7)
    axis.set_ylim(len(drawn) - 0.5, -0.5)
    axis.set_xlabel("ours / other")
    axis.grid(axis="x", color="0.92")
    axis.set_axisbelow(True)
    handles = [Line2D([], [], marker="o", color=COLORS[key], label=MEANINGS[key]) for key in COLORS]
    handles.append(Line2D([], [], marker="4", color="black", linestyle="", label="goal"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    figure.supxlabel("\n".join(textwrap.wrap(caption, 130)), fontsize=7, ha="left", x=0.01)
    figure.savefig(path)
