"""Describe line charts and confusion matrices as options of the library Apache ECharts.

Colours are CSS variables, which the library's SVG renderer hands on to the browser: charts follow
the light or dark mode of the page without a script. `templates/page.js` draws the options and
fills the tooltips.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_POINTS = 600
SIGNIFICANT = 5
PANE_HEIGHT, PANE_GAP, TOP, BOTTOM = 190, 34, 28, 36
MATRIX_LABELS, LARGEST_CELL = 92, 24
DASHES = ((), (7, 4), (2, 3), (10, 3, 2, 3), (1, 5), (14, 5), (5, 2), (3, 6))
TEXT, MUTED, SURFACE = "var(--text)", "var(--muted)", "var(--surface)"
COMMON = dict(
    animation=False,
    textStyle=dict(fontFamily='system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'),
)
TOOLTIP = dict(
    triggerOn="mousemove|click", confine=True, transitionDuration=0, className="tip",
    backgroundColor=SURFACE, borderColor="var(--line)", textStyle=dict(color=TEXT),
)  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """One quantity of one run; see `LineChart.add`. `dashes` are the lengths of dashes and gaps."""

    run: int
    name: str
    pane: int
    points: Sequence[tuple[float, float | None]]
    shown: bool
    markers: bool
    dashes: Sequence[int]


@dataclass
class LineChart:
    """Curves of several runs in panes, one below the other, with one horizontal axis.

    Each run has its colour, each quantity of a pane its dashes.

    Args:
        x_label: quantity and unit of the horizontal axis.
        panes: quantity and unit of each vertical axis; panes without curves are left out.
        log_x: whether the horizontal axis is logarithmic.
        curves: see `add`.
    """

    x_label: str
    panes: Sequence[str]
    log_x: bool = False
    curves: list[Curve] = field(default_factory=list)

    def add(
        self,
        run: int,
        name: str,
        pane: int,
        points: Iterable[tuple[float, Any]],
        shown: bool = True,
        markers: bool = False,
    ) -> None:
        """Add a curve, thinned out to `MOST_POINTS`; a curve without finite values is ignored.

        Args:
            run: index of the run.
            name: quantity; one entry of the legend switches it for all runs.
            pane: index of the pane.
            points: x and y; a y that is not a finite number is a gap.
            shown: whether the quantity is visible at first.
            markers: whether every point is drawn.
        """
        rounded = ((_rounded(x), _rounded(y)) for x, y in points)
        known = [(x, y) for x, y in rounded if x is not None]
        # Counted from the end: the last value, which tables show too, must be kept.
        known = known[:: -max(1, math.ceil(len(known) / MOST_POINTS))][::-1]
        finite = sum(y is not None for _, y in known)
        if finite:
            names = list(dict.fromkeys([*(c.name for c in self.curves if c.pane == pane), name]))
            dashes = DASHES[names.index(name) % len(DASHES)]
            self.curves.append(Curve(run, name, pane, known, shown, markers or finite == 1, dashes))

    def runs(self) -> list[int]:
        """Return the indices of the runs that have a curve."""
        return sorted({curve.run for curve in self.curves})

    def legend(self) -> dict[str, dict[str, Curve]]:
        """Return the first curve of each quantity in each pane, by the pane's label and by name."""
        groups: dict[str, dict[str, Curve]] = {self.panes[i]: {} for i in self._used_panes()}
        for curve in self.curves:
            groups[self.panes[curve.pane]].setdefault(curve.name, curve)
        return groups

    @property
    def height(self) -> int:
        """Return the height of the drawing in pixels."""
        count = len(self._used_panes())
        return TOP + count * PANE_HEIGHT + (count - 1) * PANE_GAP + BOTTOM

    def option(self) -> dict[str, Any]:
        """Return the option, with one more key `run` in each series for `page.js`."""
        panes = self._used_panes()
        tops = [TOP + i * (PANE_HEIGHT + PANE_GAP) for i in range(len(panes))]
        # Without outer bounds, or a long label would make its pane narrower than the others.
        sides = dict(left=56, right=16, height=PANE_HEIGHT, outerBoundsMode="none")
        curves = sorted(self.curves, key=lambda c: (c.pane, c.name, c.run))
        return dict(
            COMMON,
            tooltip=dict(TOOLTIP, trigger="axis"),
            axisPointer=dict(link=[dict(xAxisIndex="all")]),
            grid=[dict(sides, top=top) for top in tops],
            xAxis=[self._x_axis(i, last=i == len(panes) - 1) for i in range(len(panes))],
            yAxis=[_y_axis(i, self.panes[pane]) for i, pane in enumerate(panes)],
            series=[_line(curve, panes.index(curve.pane)) for curve in curves],
        )

    def _used_panes(self) -> list[int]:
        return sorted({curve.pane for curve in self.curves})

    def _x_axis(self, pane: int, last: bool) -> dict[str, Any]:
        xs = [x for curve in self.curves for x, _ in curve.points]
        # All panes have the same range. Time starts at 0; distances get a margin, because the
        # cursor does not reach points on the edge of a logarithmic axis.
        low, high = (min(xs) / 1.05, max(xs) * 1.05) if self.log_x else (min(0, *xs), max(xs))
        line = dict(lineStyle=dict(color=MUTED))
        # The ends of a logarithmic axis are not round numbers.
        ends = dict(showMinLabel=not self.log_x, showMaxLabel=not self.log_x)
        return dict(
            type="log" if self.log_x else "value", logBase=2,
            min=low, max=high if high > low else low + 1,
            gridIndex=pane, name=self.x_label if last else "", nameLocation="middle", nameGap=26,
            nameTextStyle=dict(color=TEXT), axisLabel=dict(ends, show=last, color=MUTED),
            axisLine=line, axisTick=line, splitLine=dict(show=False),
            axisPointer=dict(line, label=dict(show=False)),
        )  # fmt: skip


def matrix_option(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return a confusion matrix, C,C counts with the truth in rows, as an option.

    Cells are (prediction, truth, opacity, percent of the true class, pixels). Empty cells are left
    out.
    """
    right: list[tuple[int, int, float | None, float | None, int]] = []
    wrong = right.copy()
    for truth, row in enumerate(counts):
        for guess, count in enumerate(row):
            if count:
                share = count / sum(row)
                # The square root makes rare confusions visible.
                cell = (guess, truth, _rounded(math.sqrt(share)), _rounded(100 * share), count)
                (right if truth == guess else wrong).append(cell)
    line = dict(lineStyle=dict(color="var(--line)"))
    axis = dict(type="category", data=list(classes), axisLine=line, axisTick=dict(show=False))
    label = dict(color=MUTED, fontSize=11, width=MATRIX_LABELS - 12, overflow="truncate")
    shade = dict(show=False, dimension=2, min=0, max=1, inRange=dict(opacity=[0, 1]))
    margins = dict(left=MATRIX_LABELS, top=MATRIX_LABELS, right=1, bottom=1)
    return dict(
        COMMON,
        tooltip=dict(TOOLTIP, trigger="item"),
        grid=dict(margins, outerBoundsMode="none"),
        xAxis=dict(axis, position="top", axisLabel=dict(label, rotate=90)),
        yAxis=dict(axis, inverse=True, axisLabel=label),
        visualMap=[dict(shade, seriesIndex=0), dict(shade, seriesIndex=1)],
        series=[_cells(right, "var(--right)"), _cells(wrong, "var(--wrong)")],
    )


def matrix_side(classes: Sequence[str]) -> int:
    """Return the largest useful width of a confusion matrix in pixels."""
    return MATRIX_LABELS + LARGEST_CELL * len(classes)


def _line(curve: Curve, pane: int) -> dict[str, Any]:
    color = f"var(--run-{curve.run})"
    return dict(
        type="line", id=f"{curve.run} {curve.name}", name=curve.name, run=curve.run,
        data=curve.points, xAxisIndex=pane, yAxisIndex=pane,
        showSymbol=curve.markers, symbol="circle", symbolSize=5,
        lineStyle=dict(color=color, width=1.75, type=list(curve.dashes) or "solid"),
        itemStyle=dict(color=color), emphasis=dict(disabled=True),
    )  # fmt: skip


def _y_axis(pane: int, label: str) -> dict[str, Any]:
    return dict(
        type="value", scale=True, splitNumber=4, gridIndex=pane,
        name=label, nameGap=9, nameTextStyle=dict(align="left", color=TEXT),
        axisLabel=dict(color=MUTED), splitLine=dict(lineStyle=dict(color="var(--grid)")),
    )  # fmt: skip


def _cells(cells: Sequence[Sequence[float | None]], color: str) -> dict[str, Any]:
    style = dict(color=color, borderColor=SURFACE, borderWidth=0.5)
    chosen = dict(color=color, borderColor=TEXT, borderWidth=1.5)
    return dict(type="heatmap", data=cells, itemStyle=style, emphasis=dict(itemStyle=chosen))


def _rounded(value: Any) -> float | None:
    """Return a number with as many digits as a chart can show, None for any other value.

    >>> _rounded(123.456789), _rounded(float("nan"))
    (123.46, None)
    """
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT}g}")
