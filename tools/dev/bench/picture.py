"""All ratios in one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .run import RowResult

COLORS = {True: "tab:green", False: "tab:red", None: "0.45"}
MEANINGS = {True: "goal met", False: "goal missed", None: "no goal"}
DPI = 110
LINE = 0.24
"""Inches a case."""


def draw_results(results: Sequence[RowResult], caption: str, path: str) -> None:
    """Draw the ratio of every case that has one, with its quartiles and its goal.

    Args:
        results: the rows.
        caption: text below.
        path: PNG file to write.
    """
    drawn = [
        (f"{result.row}: {each.case}", each)
        for result in results
        for each in result.measurements
        if each.ratio is not None
    ]
    figure = Figure(figsize=(10, 2 + LINE * len(drawn)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for y, (_, each) in enumerate(drawn):
        low, high = each.quartiles
        color = COLORS[each.met]
        axis.plot([low, high], [y, y], color=color, linewidth=2)
        axis.plot(each.ratio, y, "o", color=color, markersize=5)
        if each.goal is not None:
            # The open side of the bracket is where ratios are good.
            mark = "4" if each.goal.kind == "at least" else "3"
            axis.plot(each.goal.bound, y, mark, color="black", markersize=11)
    axis.set_xscale("log")
    axis.axvline(1, color="0.7", linewidth=1)
    axis.set_yticks(range(len(drawn)), [name for name, _ in drawn], fontsize=7)
    axis.set_ylim(len(drawn) - 0.5, -0.5)
    axis.set_xlabel("ours / other")
    axis.grid(axis="x", color="0.92")
    axis.set_axisbelow(True)
    handles = [Line2D([], [], marker="o", color=COLORS[key], label=MEANINGS[key]) for key in COLORS]
    handles.append(Line2D([], [], marker="4", color="black", linestyle="", label="goal"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    figure.supxlabel("\n".join(textwrap.wrap(caption, 130)), fontsize=7, ha="left", x=0.01)
    figure.savefig(path)
