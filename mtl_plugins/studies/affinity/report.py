"""The report of the tasks' affinity: a table, `affinity.csv`, `.json` and `.png`."""

from __future__ import annotations

import json
import math
import os.path as osp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from rich.console import Console

from ...utils import TextTable, wide_console, write_csv, write_text
from .measurement import Measurement, Pair

CAPTION = (
    "gain: percent by which the other task's loss falls by a step along the first task's gradient "
    "alone (below 0: it rises), mean ± standard error; of own: the share of what a step along its "
    "own gradient brings; cosine: of the two gradients at the last features that all tasks share, "
    "in the first and the last third of the measurements; conflict: how many of these cosines are "
    "below 0. Helps, hurts: the gain differs from 0 by more than two standard errors, in five or "
    "more measurements."
)
COLUMNS = (
    "a step for", "acts on", "which it", "gain (%)", "of own (%)", "cosine (first third)",
    "cosine (last third)", "conflict (%)",
)  # fmt: skip
COLOURS = dict(helps="green", hurts="red")
KEY = "blue, above 0: helps; red, below 0: hurts; bold: by more than two standard errors"
DPI = 120


@dataclass(frozen=True)
class Mean:
    """Store a mean over measurements; nan where there is none.

    Args:
        mean: of the values that are finite.
        error: its standard error; nan for fewer than two values.
        count: number of these values.
    """

    mean: float
    error: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Return the mean of values, nan left out.

        >>> Mean.of([1.0, 3.0, float("nan")])
        Mean(mean=2.0, error=1.0, count=2)
        """
        known = np.array([value for value in values if math.isfinite(value)])
        if not len(known):
            return cls(math.nan, math.nan, 0)
        error = known.std(ddof=1) / math.sqrt(len(known)) if len(known) > 1 else math.nan
        return cls(float(known.mean()), float(error), len(known))


def verdict(gain: Mean) -> str:
    """Say what a task does to another one: beyond two standard errors it helps or hurts.

    Fewer than five measurements say too little about their own error.

    >>> verdict(Mean(1.0, 0.4, 9)), verdict(Mean(-1.0, 0.4, 9)), verdict(Mean(0.5, 0.4, 9))
    ('helps', 'hurts', 'unclear')
    """
    if gain.count >= 5 and abs(gain.mean) > 2 * gain.error:
        return "helps" if gain.mean > 0 else "hurts"
    return "unclear"


def affinity_rows(
    tasks: Sequence[str], measurements: Sequence[Measurement]
) -> list[dict[str, Any]]:
    """Return one row for each ordered pair of tasks, the strongest help first.

    Columns: `source`, `other`, `verdict`, `gain` and its `error` (percent), `own_gain` of `other`,
    `cosine`, `cosine_first` and `cosine_last` (thirds of the measurements), `conflict` (percent),
    `count`. Unknown values are None.
    """
    gains = _means(tasks, lambda pair: [each.gains[pair] for each in measurements])
    third = -(-len(measurements) // 3)
    rows = []
    for (source, other), gain in gains.items():
        if source == other:
            continue
        cosines = [_cosine(each, source, other) for each in measurements]
        known = [value for value in cosines if math.isfinite(value)]
        values = dict(
            gain=gain.mean, error=gain.error, own_gain=gains[other, other].mean,
            cosine=Mean.of(cosines).mean, cosine_first=Mean.of(cosines[:third]).mean,
            cosine_last=Mean.of(cosines[-third:]).mean,
            conflict=100 * Mean.of([float(value < 0) for value in known]).mean,
        )  # fmt: skip
        plain = {key: value if math.isfinite(value) else None for key, value in values.items()}
        row = dict(source=source, other=other, verdict=verdict(gain))
        rows.append({**row, **plain, "count": gain.count})
    return sorted(rows, key=lambda row: -math.inf if row["gain"] is None else -row["gain"])


def affinity_table(rows: Sequence[Mapping[str, Any]]) -> TextTable:
    """Return the rows of `affinity_rows` as a table of texts."""
    cells = []
    for row in rows:
        gain = _text(row["gain"], "+.3f")
        if row["error"] is not None:
            gain += f" ± {row['error']:.3f}"
        own = row["own_gain"]
        share = 100 * row["gain"] / own if own and own > 0 and row["gain"] is not None else None
        cosines = [_text(row[key], "+.3f") for key in ("cosine_first", "cosine_last")]
        texts = [row["source"], row["other"], row["verdict"], gain, _text(share, "+.0f"), *cosines]
        cells.append([*texts, _text(row["conflict"], ".0f")])
    return TextTable(
        COLUMNS, cells, words=COLUMNS[:3], title="Which tasks help each other", caption=CAPTION,
        colours={i: COLOURS.get(row["verdict"], "default") for i, row in enumerate(rows)},
    )  # fmt: skip


def write_report(tasks: Sequence[str], measurements: Sequence[Measurement], folder: str) -> None:
    """Write the report into a folder and print its table.

    `affinity.csv` has a row for each measurement and pair (`iteration`, `source`, `other`, `gain`,
    `cosine`), `affinity.json` the rows of `affinity_rows`, `affinity.png` all of it as pictures.
    """
    rows = affinity_rows(tasks, measurements)
    files = [osp.join(folder, f"affinity.{kind}") for kind in ("csv", "json", "png")]
    single = [
        dict(
            iteration=each.iteration, source=source, other=other, gain=_plain(gain),
            cosine=_plain(_cosine(each, source, other)),
        )
        for each in measurements
        for (source, other), gain in each.gains.items()
    ]  # fmt: skip
    write_csv(files[0], single)
    found = dict(tasks=[*tasks], measurements=len(measurements), pairs=rows)
    write_text(files[1], json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    draw_affinity(tasks, measurements, files[2])
    wide_console().print(affinity_table(rows))
    Console().print(f"report  {' '.join(files)}", soft_wrap=True, markup=False, highlight=False)


def draw_affinity(tasks: Sequence[str], measurements: Sequence[Measurement], path: str) -> None:
    """Draw gains and cosines as heat maps, and the cosines over the training.

    Args:
        tasks: names of the tasks, in the order of rows and columns.
        measurements: in the order of the training.
        path: PNG file to write.
    """
    # Here, because it takes a fifth of a second, and importing the package registers the hook.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = 1.2 + 0.75 * len(tasks)
    figure = Figure(figsize=(2 * side + 9.5, side + 2.4), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"Which tasks help each other: {len(measurements)} measurements\n{KEY}")
    left, middle, right = figure.subplots(1, 3, width_ratios=(side, side, 5))
    gains = _means(tasks, lambda pair: [each.gains[pair] for each in measurements])
    _heat_map(left, tasks, gains, "gain: percent by which\nthe other loss falls")
    left.set(ylabel="a step for", xlabel="acts on")
    cosines = _means(tasks, lambda pair: [_cosine(each, *pair) for each in measurements])
    _heat_map(middle, tasks, cosines, "cosine of the gradients\nat the shared features")
    # Means of up to ten parts: single cosines scatter by more than they change.
    parts = np.array_split(np.arange(len(measurements)), min(10, len(measurements)))
    seen = [[measurements[index] for index in part] for part in parts]
    middles = [Mean.of([each.iteration for each in part]).mean for part in seen]
    for pair in combinations(tasks, 2):
        means = [Mean.of([_cosine(each, *pair) for each in part]).mean for part in seen]
        right.plot(middles, means, ".-", linewidth=1, label=" | ".join(pair))
    right.axhline(0, color="0.3", linewidth=0.8)
    right.set(title="cosine over the training (means)", xlabel="iteration")
    right.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path)


def _heat_map(axis: Any, tasks: Sequence[str], means: Mapping[Pair, Mean], title: str) -> None:
    """Draw means as a matrix with numbers; blue above 0, red below, the diagonal grey.

    The full colour is that of the strongest pair, or of a tenth of the diagonal if that is more:
    noise around 0 stays pale.
    """
    values = np.array([[means[row, column].mean for column in tasks] for row in tasks])
    own = np.eye(len(tasks), dtype=bool)
    limit = max(_largest(values[~own]), _largest(values[own]) / 10, 1e-9)
    axis.set_facecolor("0.9")
    axis.imshow(np.where(own, np.nan, values), cmap="RdBu", vmin=-limit, vmax=limit)
    for (row, column), value in np.ndenumerate(values):
        pair = tasks[row], tasks[column]
        known = row != column and math.isfinite(value)
        axis.text(
            column, row, _text(value if math.isfinite(value) else None, "+.3f"),
            ha="center", va="center",
            color="white" if known and abs(value) > 0.6 * limit else "black",
            weight="bold" if known and verdict(means[pair]) in COLOURS else "normal",
        )  # fmt: skip
    axis.set_xticks(range(len(tasks)), tasks, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(tasks)), tasks)
    axis.set_title(title, fontsize="medium")


def _means(tasks: Sequence[str], values: Callable[[Pair], list[float]]) -> dict[Pair, Mean]:
    return {pair: Mean.of(values(pair)) for pair in product(tasks, tasks)}


def _largest(values: np.ndarray) -> float:
    """Return the largest magnitude of the finite values; 0 if there are none."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _cosine(measurement: Measurement, first: str, second: str) -> float:
    """Return the cosine of two tasks in either order; 1 for a task with itself."""
    if first == second:
        return 1.0
    cosines = measurement.cosines
    return cosines[first, second] if (first, second) in cosines else cosines[second, first]


def _text(value: float | None, style: str) -> str:
    return "-" if value is None else format(value, f"z{style}".replace("z+", "+z"))


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
