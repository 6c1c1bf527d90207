"""The report of a ladder: `ladder.csv`, `ladder.md` and `ladder.png`."""

from __future__ import annotations

import os.path as osp
import shlex
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console

from ...evaluation import ALL_METRICS, ONE_METRIC, Baselines, Measure
from ...utils import TextTable, write_csv, write_text
from ...visualization import FONTS
from .runs import SIZE_VARIABLE, Ladder
from .steps import (
    RULE,
    Spread,
    Step,
    difference,
    is_larger,
    read_steps,
    reported_measures,
    single_task_baselines,
)

IMAGE_BLIND = "image-blind"
CONVENTION = (
    "Metrics of the last validation: mean ± sample standard deviation over the seeds (n: runs). "
    "{lower}Differences are to the row above; 'larger' says whether one is "
    f"larger than the spread of the seeds: {RULE}; '-': too few runs. image-blind: the "
    "best predictor that never looks at the image. GMACs: 1e9 multiply-adds of one forward pass of "
    "one {height}x{width} image (height x width). Delta_m: mean relative difference to single-task "
    "networks, positive where better."
)
DPI = 120
HEIGHT = 4
"""Height of a plot in inches."""
SEED_SHIFT = 0.12
CHARACTERS_PER_INCH = 14
"""Width of the caption's font."""


def write_report(ladder: Ladder, size: tuple[int, int], baselines: Baselines | None = None) -> None:
    """Write the report into `ladder.out`; print its files and the missing runs.

    Single-task steps are also written as `baselines.json`.

    Args:
        ladder: the runs; those that have ended are reported.
        size: (height, width) of the image that GMACs are counted for, in pixels.
        baselines: reference of each step's Delta_m; default: the ladder's own single-task steps,
            if it has any.
    """
    steps = read_steps(ladder, size)
    settings = describe_settings(ladder, steps)
    own = single_task_baselines(steps, settings)
    measures = reported_measures(steps)
    rows = report_rows(steps, measures, baselines or own)
    notes = [settings, *describe_gaps(steps, measures)]
    files = [osp.join(ladder.out, f"ladder.{kind}") for kind in ("csv", "md", "png")]
    write_csv(files[0], rows)
    lower = [each.label for each in measures if each.better == "lower"]
    said = f"Lower {', '.join(lower)} is better. " if lower else ""
    caption = CONVENTION.format(height=size[0], width=size[1], lower=said)
    table = report_table(rows, measures).markdown()
    write_text(files[1], "\n\n".join([table, caption, *notes]) + "\n")
    if own:
        files.append(osp.join(ladder.out, "baselines.json"))
        own.write(files[-1])
    draw_ladder(steps, measures, " ".join(notes), files[2])
    for line in (*notes[1:], f"report  {' '.join(files)}"):
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def report_rows(
    steps: Sequence[Step], measures: Sequence[Measure], baselines: Baselines | None = None
) -> list[dict[str, Any]]:
    """Return one row a step, then one for the image-blind predictor; unknown values are None.

    Columns: `step`; mean, std and n of every measure; `parameters`, `macs`; `difference` to the
    previous step and whether it is `larger` than the spread; `missing_seeds`; with baselines
    Delta_m of the means, averaged in both ways.
    """
    none = Spread(None, None, 0)
    rows = []
    for before, step in zip([None, *steps], steps, strict=False):
        row: dict[str, Any] = dict(step=step.name)
        for measure in measures:
            spread = vars(step.spread(measure.name))
            row |= {f"{measure.name} {part}": value for part, value in spread.items()}
        row |= {key: getattr(step.cost, key, None) for key in ("parameters", "macs")}
        for name in _compared(measures):
            pair = (before.spread(name) if before else none, step.spread(name))
            row[f"{name} difference"] = difference(*pair)
            row[f"{name} larger"] = is_larger(*pair)
        row["missing_seeds"] = " ".join(map(str, step.missing)) or None
        if baselines:
            row |= _delta_m(step, baselines)
        rows.append(row)
    # They depend on the data only.
    blind = next((step.image_blind for step in steps if step.image_blind), {})
    reference = {f"{each.name} mean": blind.get(each.name) for each in measures}
    rows.append(dict.fromkeys(rows[0]) | dict(step=IMAGE_BLIND) | reference)
    return rows


def _delta_m(step: Step, baselines: Baselines) -> dict[str, float | None]:
    names = {name for metrics in step.metrics.values() for name in metrics}
    means = {name: mean for name in names if (mean := step.spread(name).mean) is not None}
    return {**baselines.delta_m(means)} if means else {ONE_METRIC: None, ALL_METRICS: None}


def describe_settings(ladder: Ladder, steps: Sequence[Step]) -> str:
    """Return one sentence with the settings and the machines of the runs."""
    recorded = [run.settings() for run in ladder.runs() if run.summary() is not None]
    machines = sorted({found["machine"] for found in recorded if found})
    schedules = sorted({step.schedule for step in steps if step.schedule})
    settings = ladder.settings()
    return (
        f"Settings: {SIZE_VARIABLE}={settings[SIZE_VARIABLE]}; "
        f"--cfg-options {shlex.join(ladder.options) or 'none'}; "
        f"seeds {', '.join(map(str, ladder.seeds))}; {' or '.join(schedules) or 'no run yet'}; "
        f"trained on {' and '.join(machines) or 'a machine that was not recorded'}."
    )


def describe_gaps(steps: Sequence[Step], measures: Sequence[Measure]) -> list[str]:
    """Return sentences about missing runs and about data that differ between steps."""
    missing = [f"{step.name}/seed{seed}" for step in steps for seed in step.missing]
    total = len(missing) + sum(len(step.metrics) for step in steps)
    notes = [f"Missing: {len(missing)} of {total} runs: {', '.join(missing)}."] if missing else []
    found = [step.image_blind for step in steps]
    blind = [
        {round(each[name], 3) for each in found if name in each} for name in _compared(measures)
    ]
    if any(len(values) > 1 for values in blind):
        notes.append("The image-blind predictor differs: the steps are not on the same data.")
    return notes


def _compared(measures: Sequence[Measure]) -> dict[str, str]:
    """Map the names of the measures whose differences are reported to their headings."""
    return {each.name: each.label.removesuffix(" (%)") for each in measures if each.main}


def report_table(rows: Sequence[dict[str, Any]], measures: Sequence[Measure]) -> TextTable:
    """Return the rows of `report_rows` as a table of texts."""
    heads = ["step", *(measure.label for measure in measures), "params (M)", "GMACs"]
    for label in _compared(measures).values():
        heads += [f"{label} difference", "larger"]
    heads += [key for key in (ONE_METRIC, ALL_METRICS) if key in rows[0]]
    return TextTable(heads, [_cells(row, measures) for row in rows])


def _cells(row: dict[str, Any], measures: Sequence[Measure]) -> list[str]:
    cells = [row["step"]]
    for measure in measures:
        mean, std, n = (row[f"{measure.name} {part}"] for part in ("mean", "std", "n"))
        # The image-blind predictor has a value but no runs.
        cells.append(str(Spread(mean, std, n)) if n is not None else _text(mean, ".2f"))
    for key, unit in (("parameters", 1e6), ("macs", 1e9)):
        cells.append(_text(row[key] and row[key] / unit, ".2f"))
    for name in _compared(measures):
        larger = row[f"{name} larger"]
        said = "-" if larger is None else "yes" if larger else "no"
        cells += [_text(row[f"{name} difference"], "+.2f"), said]
    cells += [_text(row[key], "+.2f") for key in (ONE_METRIC, ALL_METRICS) if key in row]
    return cells


def _text(value: float | None, style: str) -> str:
    return "-" if value is None else format(value, style)


def draw_ladder(
    steps: Sequence[Step], measures: Sequence[Measure], caption: str, path: str
) -> None:
    """Draw the main measures over the steps: each seed, mean and standard deviation.

    Args:
        steps: the steps in their order.
        measures: those that are not main are left out.
        caption: text below the plots, of any length.
        path: PNG file to write.
    """
    width = max(7.0, 0.75 * len(steps) + 2)
    measures = [measure for measure in measures if measure.main]
    figure = Figure(figsize=(width, HEIGHT * len(measures)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
    for axis, measure in zip(axes, measures, strict=True):
        _draw_measure(axis, steps, measure)
    names = [FONTS.drawable(step.name) for step in steps]
    font = dict(fontfamily=FONTS.families)
    axes[-1].set_xticks(range(len(steps)), names, rotation=45, ha="right", **font)
    axes[-1].set_xlim(-0.5, len(steps) - 0.5)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    lines = textwrap.wrap(FONTS.drawable(caption), int(width * CHARACTERS_PER_INCH))
    figure.supxlabel("\n".join(lines), fontsize=8, ha="left", x=0.01, **font)
    figure.savefig(path)


def _draw_measure(axis: Axes, steps: Sequence[Step], measure: Measure) -> None:
    name = measure.name
    points = [(x, value) for x, step in enumerate(steps) for value in step.values(name).values()]
    spreads = [step.spread(name) for step in steps]
    means = [np.nan if spread.mean is None else spread.mean for spread in spreads]
    stds = [spread.std or 0 for spread in spreads]
    x, y = np.array(points).reshape(-1, 2).T
    # Beside the mean, which would hide seeds that agree with it.
    axis.plot(x - SEED_SHIFT, y, "o", color="0.6", markersize=4, label="one seed")
    axis.errorbar(
        range(len(steps)), means, stds, fmt="o-", color="tab:blue", markersize=6, capsize=4,
        linewidth=1, label="mean ± standard deviation",
    )  # fmt: skip
    blind = next((s.image_blind[name] for s in steps if name in s.image_blind), None)
    if blind is not None:
        axis.axhline(blind, color="tab:red", linestyle="--", linewidth=1, label="image-blind")
    label = FONTS.drawable(measure.label)
    axis.set_ylabel(f"{label}\n{measure.better} is better", fontfamily=FONTS.families)
    axis.grid(axis="y", color="0.9")
    axis.set_axisbelow(True)
