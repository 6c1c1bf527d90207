"""The report of a sweep: tables on the terminal and as files, and plots."""

from __future__ import annotations

import csv
import os
import os.path as osp
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import optuna
from optuna.study import StudyDirection
from rich import box
from rich.console import Console
from rich.table import Table

from .plots import draw_plots
from .rows import PARAM, pair_rows, scored_rows, shown, shown_values, trial_rows, value_rows
from .study import retried

SHOWN_TRIALS = 10
PIPE_WIDTH = 120
MIB = 2**20
CONVENTION = (
    "Score: mean over the seeds of {metric} at the last validation ({direction}); ±: sample "
    "standard deviation. Seconds: of the whole trial, start-up and validation included. Memory: "
    "peak of the training process ({memory}). ms/step: median time of a training step, loading "
    "included; trials that ran side by side slow each other down."
)


def write_report(
    study: optuna.Study, metric: str, out: str, pairs: Sequence[Sequence[str]] = ()
) -> None:
    """Print the tables of a study, and write them and the plots into a folder.

    Writes `sweep.csv` (every trial, unrounded), `values.csv` (every value of every parameter),
    `sweep.md` (the tables, as shown), `importance.png` and `parallel_coordinates.png`.

    Args:
        study: with any number of trials.
        metric: what to call the score.
        out: the folder.
        pairs: names of two parameters each, whose values are shown in a table of both.
    """
    os.makedirs(out, exist_ok=True)
    maximize = study.direction == StudyDirection.MAXIMIZE
    rows = trial_rows(study)
    values = value_rows(study)
    tables = {"Best trials": _trial_cells(scored_rows(study)), "By value": _value_cells(values)}
    for pair in pairs:
        tables[f"Mean score by {' and '.join(pair)}"] = _pair_cells(pair_rows(study, *pair))
    memory = " and ".join(sorted({row["memory"] for row in rows if row["memory"]})) or "unknown"
    caption = CONVENTION.format(
        metric=metric, direction="higher is better" if maximize else "lower is better",
        memory=memory,
    )  # fmt: skip
    notes = _notes(study, rows)
    files = [_write_csv(osp.join(out, "sweep.csv"), rows)]
    files.append(_write_csv(osp.join(out, "values.csv"), values))
    files.append(_write_markdown(osp.join(out, "sweep.md"), tables.values(), [caption, *notes]))
    plots, problems = draw_plots(study, metric, out)
    # A file or pipe has no width: there, wide enough for most tables.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    for title, cells in tables.items():
        if len(cells) > 1:
            console.print(_rich_table(title, cells))
    for line in (caption, *notes, *problems, f"report  {' '.join([*filter(None, files), *plots])}"):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _notes(study: optuna.Study, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what there is besides the scored trials."""
    states = Counter(row["state"] for row in rows)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    notes = [f"{len(rows)} trials: {counts or 'none yet'}."]
    repeated = sum(retried(trial) is not None for trial in study.get_trials(deepcopy=False))
    if repeated:
        notes.append(f"{repeated} repeated, as their workers ended before them.")
    twins = [row for row in rows if row["twin"] is not None]
    if twins:
        notes.append(f"{len(twins)} had the values of an earlier one and took its result over.")
    for row in rows:
        if row["state"] == "failed":
            values = shown_values(_params(row))
            reason = row["reason"] or "its worker ended each time"
            notes.append(f"Trial {row['trial']} failed ({values}): {reason}")
    return notes


def _trial_cells(scored: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the best trials as text, headings first."""
    columns: dict[str, Callable[[dict], str]] = {
        "trial": lambda row: str(row["trial"]),
        "score": lambda row: f"{row['score']:.4g}",
        "±": lambda row: _number(row["std"], ".2g"),
        "seeds": lambda row: str(row["n"]),
    }
    for name in _params(scored[0]) if scored else ():
        columns[name] = lambda row, name=name: shown(_params(row)[name])
    columns |= {
        "seconds": lambda row: _number(row["seconds"], ".0f"),
        "ms/step": lambda row: _number(row["step_seconds"], ".0f", 1e3),
        "memory (MiB)": lambda row: _number(row["peak_bytes"], ".0f", 1 / MIB),
    }
    body = [[text(row) for text in columns.values()] for row in scored[:SHOWN_TRIALS]]
    return [list(columns), *body]


def _value_cells(values: Sequence[dict[str, Any]]) -> list[list[str]]:
    head = ["parameter", "value", "trials", "mean score", "best score", "ms/step", "images/s"]
    body = [
        [
            row["parameter"],
            shown(row["value"]),
            str(row["trials"]),
            f"{row['mean_score']:.4g}",
            f"{row['best_score']:.4g}",
            _number(row["step_seconds"], ".0f", 1e3),
            _number(row["images_per_second"], ".1f"),
            _number(row["peak_bytes"], ".0f", 1 / MIB),
        ]
        for row in values
    ]
    return [[*head, "memory (MiB)"], *body]


def _pair_cells(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    head = list(rows[0]) if rows else []
    return [head, *([shown(value) for value in row.values()] for row in rows)]


def _params(row: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(PARAM): v for k, v in row.items() if k.startswith(PARAM)}


def _number(value: float | None, form: str, factor: float = 1) -> str:
    return "-" if value is None else format(value * factor, form)


def _rich_table(title: str, cells: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in cells[0]:
        table.add_column(name, justify="right", overflow="fold")
    for row in cells[1:]:
        table.add_row(*row)
    return table


def _write_csv(path: str, rows: Sequence[dict[str, Any]]) -> str | None:
    if not rows:
        return None
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _write_markdown(
    path: str, tables: Iterable[Sequence[Sequence[str]]], notes: Sequence[str]
) -> str:
    blocks = []
    for head, *body in tables:
        lines = [head, ["---:"] * len(head), *body]
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join([*blocks, *notes]) + "\n")
    return path
