"""The report of a ladder: `ladder.csv`, `ladder.md` and `ladder.png`."""

from __future__ import annotations

import csv
import os
import os.path as osp
import shlex
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rich.console import Console

from ...evaluation.baselines import ALL_METRICS, ONE_METRIC, Baselines
from ..statistics import RULE, Spread, difference, is_larger
from .picture import draw_ladder
from .runs import SIZE_VARIABLE, Ladder
from .single_task import single_task_baselines
from .step import METRICS, MIOU, SI_LOG_RMSE, Step, read_steps

COMPARED = {MIOU: "mIoU", SI_LOG_RMSE: "SI-logRMSE"}
IMAGE_BLIND = "image-blind"
UNITS = dict(parameters=1e6, macs=1e9)
CONVENTION = (
    "Metrics of the last validation: mean ± sample standard deviation over the seeds (n: runs). "
    "Lower SI-logRMSE is better. Differences are to the row above; 'larger' tells whether one is "
    f"larger than the spread of the seeds: {RULE}; '-': too few runs to tell. image-blind: the "
    "best predictor that never looks at the image. GMACs: 1e9 multiply-adds of one forward pass of "
    "one {height}x{width} image (height x width). Delta_m: mean relative difference to single-task "
    "networks, positive where better."
)


def write_report(ladder: Ladder, size: tuple[int, int], baselines: Baselines | None = None) -> None:
    """Write the report into `ladder.out`, and print where it is and which runs are missing.

    Steps of one task alone are also written as `baselines.json`.

    Args:
        ladder: the runs; those that have ended are reported.
        size: (height, width) of the image that GMACs are counted for, in pixels.
        baselines: what Delta_m of each step is relative to; default: those of the ladder's own
            single-task steps, if it has any.
    """
    steps = read_steps(ladder, size)
    own = single_task_baselines(steps, describe_settings(ladder, steps))
    rows = report_rows(steps, baselines or own)
    notes = [describe_settings(ladder, steps), *describe_gaps(steps)]
    os.makedirs(ladder.out, exist_ok=True)
    files = [osp.join(ladder.out, f"ladder.{kind}") for kind in ("csv", "md", "png")]
    if own:
        files.append(osp.join(ladder.out, "baselines.json"))
        own.write(files[-1])
    with open(files[0], "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    caption = CONVENTION.format(height=size[0], width=size[1])
    with open(files[1], "w", encoding="utf-8") as file:
        file.write("\n\n".join(["\n".join(_markdown_table(rows)), caption, *notes]) + "\n")
    draw_ladder(steps, " ".join(notes), files[2])
    for line in (*notes[1:], f"report  {' '.join(files)}"):
        Console().print(line, soft_wrap=True, markup=False, highlight=False)


def report_rows(steps: Sequence[Step], baselines: Baselines | None = None) -> list[dict[str, Any]]:
    """Return the table: a row a step, then the image-blind predictor; None: not known.

    Columns: `step`; mean, std and n of every metric; `parameters`, `macs`; `difference` to the
    step before and whether it is `larger` than the spread; `missing_seeds`; with baselines
    Delta_m of the means, in both ways of averaging.
    """
    none = Spread(None, None, 0)
    rows = []
    for before, step in pairwise([None, *steps]):
        row: dict[str, Any] = dict(step=step.name)
        for metric in METRICS:
            spread = step.spread(metric)
            row |= {f"{metric} mean": spread.mean, f"{metric} std": spread.std}
            row[f"{metric} n"] = spread.n
        row["parameters"] = step.cost.parameters if step.cost else None
        row["macs"] = step.cost.macs if step.cost else None
        for metric in COMPARED:
            pair = (before.spread(metric) if before else none, step.spread(metric))
            row[f"{metric} difference"] = difference(*pair)
            row[f"{metric} larger"] = is_larger(*pair)
        row["missing_seeds"] = " ".join(map(str, step.missing)) or None
        if baselines:
            row |= _delta_m(step, baselines)
        rows.append(row)
    blind = image_blind(steps)
    reference = {f"{metric} mean": blind.get(metric) for metric in METRICS}
    rows.append(dict.fromkeys(rows[0]) | dict(step=IMAGE_BLIND) | reference)
    return rows


def _delta_m(step: Step, baselines: Baselines) -> dict[str, float | None]:
    names = {name for metrics in step.metrics.values() for name in metrics}
    means = {name: mean for name in names if (mean := step.spread(name).mean) is not None}
    none = dict.fromkeys((ONE_METRIC, ALL_METRICS))
    return baselines.delta_m(means) if means else none


def image_blind(steps: Sequence[Step]) -> dict[str, float]:
    """Return the metrics of the image-blind predictor, which depend on the data alone."""
    return next((dict(step.image_blind) for step in steps if step.image_blind), {})


def describe_settings(ladder: Ladder, steps: Sequence[Step]) -> str:
    """Return one sentence with what the runs were trained with and on."""
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


def describe_gaps(steps: Sequence[Step]) -> list[str]:
    """Return sentences on runs that are missing and on data that are not the same."""
    missing = [f"{step.name}/seed{seed}" for step in steps for seed in step.missing]
    total = len(missing) + sum(len(step.metrics) for step in steps)
    notes = [f"Missing: {len(missing)} of {total} runs: {', '.join(missing)}."] if missing else []
    blind = {round(step.image_blind[MIOU], 3) for step in steps if MIOU in step.image_blind}
    if len(blind) > 1:
        notes.append("The image-blind predictor differs: the steps are not on the same data.")
    return notes


def _markdown_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    heads = ["step", *METRICS.values(), "params (M)", "GMACs"]
    for label in COMPARED.values():
        heads += [f"{label} difference", "larger"]
    heads += [key for key in (ONE_METRIC, ALL_METRICS) if key in rows[0]]
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *map(_markdown_cells, rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _markdown_cells(row: dict[str, Any]) -> list[str]:
    cells = [row["step"]]
    for metric in METRICS:
        mean, std, n = (row[f"{metric} {part}"] for part in ("mean", "std", "n"))
        # The image-blind predictor has a value, but no runs.
        cells.append(str(Spread(mean, std, n)) if n is not None else _text(mean, ".2f"))
    millions, billions = (row[key] and row[key] / unit for key, unit in UNITS.items())
    cells += [_text(millions, ".2f"), _text(billions, ".2f")]
    for metric in COMPARED:
        larger = row[f"{metric} larger"]
        cells += [_text(row[f"{metric} difference"], "+.2f")]
        cells += ["-" if larger is None else "yes" if larger else "no"]
    cells += [_text(row[key], "+.2f") for key in (ONE_METRIC, ALL_METRICS) if key in row]
    return cells


def _text(value: float | None, style: str) -> str:
    return "-" if value is None else format(value, style)
