"""Build the charts of a report, as options for the library Apache ECharts.

Colours are CSS variables, which ECharts' SVG renderer hands on to the browser: charts follow the
light or dark mode of the page without a script.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...evaluation import main_measures
from ...models.balancers import LOG_PREFIX
from .run_record import Entry, RunRecord

MOST_POINTS = 600
SIGNIFICANT = 5
PANE_HEIGHT, PANE_GAP, TOP, BOTTOM = 190, 34, 28, 36
GRID_SIDES = dict(left=56, right=16, outerBoundsMode="none")
DASHES = ((), (7, 4), (2, 3), (10, 3, 2, 3), (1, 5), (14, 5), (5, 2), (3, 6))
MATRIX_LABELS, LARGEST_CELL = 92, 24
NOT_LOSSES = ("lr", "base_lr", "momentum", "time", "data_time", "memory", "epoch", "iter", "step")
MUTED, GRID, TEXT, SURFACE = "var(--muted)", "var(--grid)", "var(--text)", "var(--surface)"
FONT = dict(fontFamily='system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', color=MUTED)


@dataclass(frozen=True)
class Curve:
    """One quantity of one run; see `LineChart.add`."""

    run: int
    name: str
    pane: int
    points: Sequence[tuple[float, float | None]]
    shown: bool
    markers: bool


@dataclass(frozen=True)
class Quantity:
    """One entry of a legend: a quantity, whether it is shown at first, and its dashes."""

    name: str
    shown: bool
    dashes: Sequence[int]


@dataclass
class LineChart:
    """Curves of several runs in panes, one below the other, that share the horizontal axis.

    A run has one colour; the quantities of a pane differ in their dashes.

    Args:
        x_label: quantity and unit of the horizontal axis.
        panes: quantity and unit of each vertical axis; a pane without curves is left out.
        log_x: logarithmic horizontal axis.
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
            name: quantity; one legend entry switches it for all runs.
            pane: index of the pane.
            points: x and y; a y that is not a finite number is a gap.
            shown: the quantity is visible at first.
            markers: every point is drawn.
        """
        rounded = ((_rounded(x), _rounded(y)) for x, y in points)
        known = [(x, y) for x, y in rounded if x is not None]
        # Counted from the end, so that the last value, which tables show too, is kept.
        known = known[:: -max(1, math.ceil(len(known) / MOST_POINTS))][::-1]
        finite = sum(y is not None for _, y in known)
        if finite:
            self.curves.append(Curve(run, name, pane, known, shown, markers or finite == 1))

    def runs(self) -> list[int]:
        """Return the indices of the runs that have a curve."""
        return sorted({curve.run for curve in self.curves})

    def legend(self) -> dict[str, list[Quantity]]:
        """Return the quantities in each pane by the pane's label."""
        groups: dict[str, dict[str, Quantity]] = {self.panes[i]: {} for i in self._used_panes()}
        for curve in self.curves:
            group = groups[self.panes[curve.pane]]
            dashes = DASHES[len(group) % len(DASHES)]
            group.setdefault(curve.name, Quantity(curve.name, curve.shown, dashes))
        return {label: list(group.values()) for label, group in groups.items()}

    @property
    def height(self) -> int:
        """Height of the drawing in pixels."""
        count = len(self._used_panes())
        return TOP + count * PANE_HEIGHT + (count - 1) * PANE_GAP + BOTTOM

    def option(self) -> dict[str, Any]:
        """Return the chart as an ECharts option; `run` of a series is read by the page's script."""
        panes = self._used_panes()
        legend = self.legend()
        dashes = {(label, q.name): q.dashes for label, group in legend.items() for q in group}
        ordered = sorted(self.curves, key=lambda c: (c.pane, c.name, c.run))
        series = [
            self._series(curve, panes.index(curve.pane), dashes[self.panes[curve.pane], curve.name])
            for curve in ordered
        ]
        return dict(
            animation=False,
            textStyle=FONT,
            axisPointer=dict(link=[dict(xAxisIndex="all")]),
            tooltip=_tooltip("axis"),
            # Without outer bounds, or a long label would make its pane narrower than the others.
            grid=[
                dict(top=TOP + i * (PANE_HEIGHT + PANE_GAP), height=PANE_HEIGHT, **GRID_SIDES)
                for i in range(len(panes))
            ],
            xAxis=[self._x_axis(i, last=i == len(panes) - 1) for i in range(len(panes))],
            yAxis=[_y_axis(i, self.panes[pane]) for i, pane in enumerate(panes)],
            series=series,
        )

    def _used_panes(self) -> list[int]:
        return sorted({curve.pane for curve in self.curves})

    def _series(self, curve: Curve, pane: int, dashes: Sequence[int]) -> dict[str, Any]:
        color = f"var(--run-{curve.run})"
        return dict(
            type="line",
            id=f"{curve.run} {curve.name}",
            name=curve.name,
            run=curve.run,
            data=curve.points,
            xAxisIndex=pane,
            yAxisIndex=pane,
            showSymbol=curve.markers,
            symbol="circle",
            symbolSize=5,
            lineStyle=dict(color=color, width=1.75, type=list(dashes) or "solid"),
            itemStyle=dict(color=color),
            emphasis=dict(disabled=True),
        )

    def _x_axis(self, pane: int, last: bool) -> dict[str, Any]:
        xs = [x for curve in self.curves for x, _ in curve.points]
        # All panes get the same range. A chart over the training starts at 0.
        low, high = min(xs) if self.log_x else min(0, *xs), max(xs)
        return dict(
            type="log" if self.log_x else "value",
            logBase=2,
            min=low,
            max=high if high > low else low + 1,
            gridIndex=pane,
            name=self.x_label if last else "",
            nameLocation="middle",
            nameGap=26,
            nameTextStyle=dict(color=TEXT),
            # The ends of a logarithmic axis are not round numbers.
            axisLabel=dict(
                show=last, color=MUTED, showMinLabel=not self.log_x, showMaxLabel=not self.log_x
            ),
            axisLine=dict(lineStyle=dict(color=MUTED)),
            axisTick=dict(lineStyle=dict(color=MUTED)),
            splitLine=dict(show=False),
            axisPointer=dict(label=dict(show=False), lineStyle=dict(color=MUTED)),
        )


def _y_axis(pane: int, label: str) -> dict[str, Any]:
    return dict(
        type="value",
        scale=True,
        splitNumber=4,
        gridIndex=pane,
        name=label,
        nameGap=9,
        nameTextStyle=dict(align="left", color=TEXT),
        axisLabel=dict(color=MUTED),
        splitLine=dict(lineStyle=dict(color=GRID)),
    )


def _tooltip(trigger: str) -> dict[str, Any]:
    """Return the box with values; the page's script fills it."""
    return dict(
        trigger=trigger,
        triggerOn="mousemove|click",
        confine=True,
        transitionDuration=0,
        className="tip",
        backgroundColor=SURFACE,
        borderColor="var(--line)",
        textStyle=dict(color=TEXT),
    )


def training_chart(runs: Sequence[RunRecord]) -> LineChart:
    """Return the losses and, below them, the metrics of the validations."""
    main = {measure.name for measure in main_measures().values()}
    chart = LineChart(_time_unit(runs), ("loss", "metric"))
    for index, run in enumerate(runs):
        for name, points in _curves(runs, run, run.history.training):
            if name not in NOT_LOSSES and not name.startswith(LOG_PREFIX):
                chart.add(index, name, 0, points, shown=name == "loss")
        for name, points in _curves(runs, run, run.history.validation):
            if "/" in name:
                chart.add(index, name, 1, points, shown=name in main, markers=True)
    return chart


def balance_chart(runs: Sequence[RunRecord]) -> LineChart:
    """Return the task weights, the cosines between gradients and the gradient norms."""
    panes = {
        "weight_": "weight",
        "cosine_": "gradient cosine (below 0: conflict)",
        "grad_norm_": "gradient norm",
    }
    chart = LineChart(_time_unit(runs), list(panes.values()))
    for index, run in enumerate(runs):
        for name, points in _curves(runs, run, run.history.training):
            quantity = name.removeprefix(LOG_PREFIX)
            for pane, prefix in enumerate(panes):
                if name.startswith(LOG_PREFIX) and quantity.startswith(prefix):
                    chart.add(index, quantity.replace("_", " "), pane, points)
        times = [time for time, _ in _points(runs, run, run.history.training)]
        for task, weight in _fixed_weights(run.config).items():
            ends = [(time, weight) for time in (times[:1] + times[-1:])]
            chart.add(index, f"weight {task}", 0, ends)
    return chart


def distance_chart(runs: Sequence[RunRecord], unit: str) -> LineChart:
    """Return the depth errors over the true distance, and the share of pixels at each distance."""
    quantities = {
        "abs_rel": ("relative error", 0, True),
        "rmse_log": ("RMSE of the logarithm", 1, True),
        "log_bias": ("mean of log(prediction / truth)", 1, False),
        "share": ("share of the pixels (%)", 2, True),
    }
    panes = ("|prediction - truth| / truth", "log(prediction / truth)", "% of pixels")
    chart = LineChart(f"true distance ({unit})", panes, log_x=True)
    for index, run in enumerate(runs):
        errors = run.details.distance_errors if run.details else None
        if not errors:
            continue
        middles = [math.sqrt(n * f) for n, f in zip(errors["near"], errors["far"], strict=True)]
        share = [100 * n / sum(errors["pixels"]) for n in errors["pixels"]]
        columns = {**errors, "share": share}
        for key, (name, pane, shown) in quantities.items():
            points = zip(middles, columns[key], strict=True)
            chart.add(index, name, pane, points, shown, markers=True)
    return chart


def matrix_option(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return a confusion matrix as an ECharts option.

    Cells are (prediction, truth, opacity, percent of the true class, pixels); empty ones are left
    out.
    """
    cells: dict[str, list[tuple[int, int, float | None, float | None, int]]] = dict(
        right=[], wrong=[]
    )
    for truth, row in enumerate(counts):
        for guess, count in enumerate(row):
            if count:
                share = count / sum(row)
                # The square root makes rare confusions visible.
                cell = (guess, truth, _rounded(math.sqrt(share)), _rounded(100 * share), count)
                cells["right" if truth == guess else "wrong"].append(cell)
    axis = dict(
        type="category",
        data=list(classes),
        axisLine=dict(lineStyle=dict(color="var(--line)")),
        axisTick=dict(show=False),
        nameTextStyle=dict(color=TEXT),
    )
    label = dict(color=MUTED, fontSize=11, width=MATRIX_LABELS - 12, overflow="truncate")
    return dict(
        animation=False,
        textStyle=FONT,
        tooltip=_tooltip("item"),
        grid=dict(left=MATRIX_LABELS, top=MATRIX_LABELS, right=1, bottom=1, outerBoundsMode="none"),
        xAxis=dict(axis, position="top", axisLabel=dict(label, rotate=90)),
        yAxis=dict(axis, inverse=True, axisLabel=label),
        visualMap=[
            dict(show=False, seriesIndex=i, dimension=2, min=0, max=1, inRange=dict(opacity=[0, 1]))
            for i in range(len(cells))
        ],
        series=[
            dict(
                type="heatmap",
                data=data,
                itemStyle=dict(color=f"var(--{kind})", borderColor=SURFACE, borderWidth=0.5),
                emphasis=dict(
                    itemStyle=dict(color=f"var(--{kind})", borderColor=TEXT, borderWidth=1.5)
                ),
            )
            for kind, data in cells.items()
        ],
    )


def matrix_side(classes: Sequence[str]) -> int:
    """Return the largest useful width of a confusion matrix in pixels."""
    return MATRIX_LABELS + LARGEST_CELL * len(classes)


def _fixed_weights(config: Mapping[str, str]) -> dict[str, float]:
    """Return the weights of `FixedWeights`, which does not log them."""
    prefix = "model.balancer.weights."
    if config.get("model.balancer.type") != "'FixedWeights'":
        return {}
    return {k.removeprefix(prefix): _number(v) for k, v in config.items() if k.startswith(prefix)}


def _number(text: str) -> float:
    """Return a number in a config, nan for any other value."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _time_unit(runs: Sequence[RunRecord]) -> str:
    """Return "epoch" if all runs count epochs, which may differ in length, else "iteration"."""
    return "epoch" if all(run.history.per_epoch for run in runs) else "iteration"


def _points(
    runs: Sequence[RunRecord], run: RunRecord, entries: Sequence[Entry]
) -> list[tuple[float, Mapping[str, Any]]]:
    """Return time and values of each entry."""
    scale = (run.history.per_epoch or 1) if _time_unit(runs) == "epoch" else 1
    return [(entry.iteration / scale, entry.values) for entry in entries]


def _curves(
    runs: Sequence[RunRecord], run: RunRecord, entries: Sequence[Entry]
) -> Iterator[tuple[str, list[tuple[float, Any]]]]:
    """Yield name and points of each logged quantity."""
    points = _points(runs, run, entries)
    for name in dict.fromkeys(name for _, values in points for name in values):
        yield name, [(time, values[name]) for time, values in points if name in values]


def _rounded(value: Any) -> float | None:
    """Return a number with as many digits as a chart can show, None for any other value.

    >>> _rounded(123.456789), _rounded(float("nan"))
    (123.46, None)
    """
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT}g}")
