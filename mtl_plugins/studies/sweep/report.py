"""The report of a sweep: tables on the terminal and as files, and plots."""

from __future__ import annotations

import os
import os.path as osp
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import matplotlib.pyplot as plt
import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.distributions import FloatDistribution
from optuna.importance import FanovaImportanceEvaluator
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as drawings

from ...utils import TextTable, wide_console, write_csv, write_text
from .study import FOLDER, OPTIONS, REASON, RUNS, TWIN, WORKER, counted

Row = dict[str, Any]

SHOWN_TRIALS = 10
MOST_VALUES = 8
"""Parameters with more values than this get no row for each value."""
PARAM = "param "
"""Prefix of the columns of parameters."""
COLUMNS, COST_COLUMNS = ("trial", "score", "std", "seeds"), ("seconds", "step_seconds", "peak_mib")
"""Columns of the best trials, before and after the parameters."""
INCHES = 1.8
"""Distance between two parameters of the parallel coordinates."""
CAPTION = (
    "score: mean over the seeds of {metric} at the last validation ({direction}); std: sample "
    "standard deviation. seconds: whole trial, start-up and validation included. step_seconds: "
    "median of a training step, loading included; parallel trials slow each other down. peak_mib: "
    "peak memory of the training process ({memory})."
)


def write_report(
    study: optuna.Study, metric: str, out: str, pairs: Sequence[Sequence[str]] = ()
) -> None:
    """Print the tables of a study, and write tables and plots into a folder.

    Writes `sweep.csv` (every trial, unrounded), `values.csv` (every value of every parameter),
    `sweep.md` (the tables, rounded), `importance.png` and `parallel_coordinates.png`.

    Args:
        study: a study with any number of trials.
        metric: name of the score.
        out: the folder.
        pairs: pairs of parameter names; each gets a table of the mean score.
    """
    os.makedirs(out, exist_ok=True)
    rows = trial_rows(study)
    scored = [row for row in rows if row["score"] is not None and row[TWIN] is None]
    params = [name for name in (rows[0] if rows else ()) if name.startswith(PARAM)]
    columns = (*COLUMNS, *params, *COST_COLUMNS)
    tables = {
        "Best trials": [{name: row[name] for name in columns} for row in scored[:SHOWN_TRIALS]],
        "By value": value_rows(study, scored),
    }
    for first, second in pairs:
        tables[f"Mean score by {first} and {second}"] = pair_rows(scored, first, second)
    caption = CAPTION.format(
        metric=metric,
        direction=f"{study.direction.name.lower()}d",
        memory=" and ".join(sorted({row["memory"] for row in scored} - {None})) or "unknown",
    )
    plots, left_out = draw_plots(study, metric, out)
    lines = [caption, *_notes(study, rows), *left_out]
    files = [osp.join(out, name) for name in ("sweep.csv", "values.csv", "sweep.md")]
    write_csv(files[0], rows)
    write_csv(files[1], tables["By value"])
    console = wide_console()
    blocks = []
    for title, content in tables.items():
        if content:
            head = [name.removeprefix(PARAM) for name in content[0]]
            body = [[shown(value) for value in row.values()] for row in content]
            table = TextTable(head, body, words=(), title=title)
            console.print(table)
            blocks.append(f"**{title}**\n\n{table.markdown()}")
    write_text(files[2], "\n\n".join([*blocks, *lines]) + "\n")
    for line in (*lines, f"report  {' '.join([*files, *plots])}"):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def trial_rows(study: optuna.Study) -> list[Row]:
    """Return a row for every trial: scored trials first, best first; unknown values are None."""
    trials = counted(study)
    params = sorted({name for trial in trials for name in trial.params})
    runs = [run for trial in trials for run in trial.user_attrs.get(RUNS, [])]
    metrics = list(dict.fromkeys(name for run in runs for name in run["metrics"]))
    rows = [_trial_row(trial, params, metrics) for trial in trials]
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    return sorted(rows, key=lambda row: (row["state"] != "complete", sign * (row["score"] or 0)))


def _trial_row(trial: FrozenTrial, params: Sequence[str], metrics: Sequence[str]) -> Row:
    # A pruned trial has a value too, that of an early validation.
    is_complete = trial.state == TrialState.COMPLETE
    runs: list[Row] = trial.user_attrs.get(RUNS, []) if is_complete else []
    scores = [run["score"] for run in runs]
    row: Row = dict(
        trial=trial.number,
        state="failed" if trial.state == TrialState.FAIL else trial.state.name.lower(),
        score=trial.value if is_complete else None,
        std=stdev(scores) if len(scores) > 1 else None,
        seeds=len(runs),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        batch_size=runs[0]["batch_size"] if runs else None,
        step_seconds=_mean(run["step_seconds"] for run in runs),
        peak_mib=max(
            (run["peak_bytes"] / 2**20 for run in runs if run["peak_bytes"]), default=None
        ),
        memory=runs[0]["memory"] if runs else None,
    )
    row |= {PARAM + name: trial.params.get(name) for name in params}
    row |= {name: _mean(run["metrics"].get(name) for run in runs) for name in metrics}
    row[OPTIONS] = " ".join(trial.user_attrs.get(OPTIONS, []))
    return row | {name: trial.user_attrs.get(name) for name in (FOLDER, WORKER, REASON, TWIN)}


def value_rows(study: optuna.Study, scored: Sequence[Row]) -> list[Row]:
    """Return a row for each value of each parameter that takes few values, over scored trials."""
    best = max if study.direction == StudyDirection.MAXIMIZE else min
    kinds = {name: kind for t in counted(study) for name, kind in t.distributions.items()}
    rows = []
    for name, kind in sorted(kinds.items()):
        values = _values(scored, name)
        if len(values) > MOST_VALUES or (isinstance(kind, FloatDistribution) and not kind.step):
            continue
        for value in values:
            own = [row for row in scored if row[PARAM + name] == value]
            timed = [row for row in own if row["step_seconds"] and row["batch_size"]]
            row: Row = dict(parameter=name, value=value, trials=len(own))
            row["mean_score"] = _mean(row["score"] for row in own)
            row["best_score"] = best(row["score"] for row in own)
            row["step_seconds"] = _mean(row["step_seconds"] for row in own)
            row["images_per_second"] = _mean(r["batch_size"] / r["step_seconds"] for r in timed)
            row["peak_mib"] = max((r["peak_mib"] for r in own if r["peak_mib"]), default=None)
            rows.append(row)
    return rows


def pair_rows(scored: Sequence[Row], first: str, second: str) -> list[Row]:
    """Return the mean score for each value of one parameter (rows) and another (columns)."""
    scores: dict[tuple[Any, Any], list[float]] = {}
    for row in scored:
        key = row.get(PARAM + first), row.get(PARAM + second)
        scores.setdefault(key, []).append(row["score"])
    return [
        {f"{first} x {second}": value}
        | {shown(other): _mean(scores.get((value, other), ())) for other in _values(scored, second)}
        for value in _values(scored, first)
    ]


def draw_plots(study: optuna.Study, metric: str, out: str) -> tuple[list[str], list[str]]:
    """Draw `importance.png` and `parallel_coordinates.png` into a folder.

    Returns:
        The files, and sentences about what they leave out.
    """
    trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    values: dict[str, list[Any]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            values.setdefault(name, []).append(value)
    drawn = sorted(k for k, v in values.items() if len(v) == len(trials) and len({*v}) > 1)
    if len({trial.value for trial in trials}) < 2 or not drawn:
        return [], [
            "No plots: they need two different scores, and a parameter that varies and that all "
            "trials have."
        ]
    plt.switch_backend("Agg")
    # All trials count: Optuna's default evaluator compares the best tenth, often three trials.
    axes = drawings.plot_param_importances(
        study, evaluator=FanovaImportanceEvaluator(seed=0), params=drawn, target_name=metric
    )
    axes.set_title("share of the score's variance (fANOVA)", loc="left")
    axes.set(xlabel="", ylabel="")
    files = [_save(axes, osp.join(out, "importance.png"))]
    axes = drawings.plot_parallel_coordinate(study, drawn, target_name=metric)
    axes.set_title("")
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.set_size_inches(INCHES * len(figure.axes), 5)
    for each in figure.axes:
        each.grid(False)
        for label in each.get_yticklabels():  # the lines run through the labels
            label.set(bbox=dict(facecolor="white", edgecolor="none", pad=1, alpha=0.8), zorder=10)
    files.append(_save(axes, osp.join(out, "parallel_coordinates.png")))
    rest = sorted(values.keys() - {*drawn})
    left_out = f"The plots leave out {', '.join(rest)}: constant, or not in all trials."
    return files, [left_out] if rest else []


def _save(axes: Axes, path: str) -> str:
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)
    return path


def _notes(study: optuna.Study, rows: Sequence[Row]) -> list[str]:
    states = Counter(row["state"] for row in rows)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    notes = [f"{len(rows)} trials: {counts or 'none yet'}."]
    if lost := len(study.get_trials(deepcopy=False)) - len(rows):
        notes.append(f"Attempts that were interrupted or whose worker died: {lost}.")
    if twins := sum(row[TWIN] is not None for row in rows):
        notes.append(f"Trials with the values and thus the result of an earlier one: {twins}.")
    for row in rows:
        if row["state"] == "failed":
            params = {k.removeprefix(PARAM): v for k, v in row.items() if k.startswith(PARAM)}
            notes.append(f"Trial {row['trial']} failed ({shown_values(params)}): {row[REASON]}")
    return notes


def _values(scored: Sequence[Row], name: str) -> list[Any]:
    """Return the values of a parameter: numbers in their order, then words."""
    values = {row.get(PARAM + name) for row in scored} - {None}
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def shown(value: Any) -> str:
    """Return a value as text.

    >>> shown(0.0001234567), shown(8), shown(None)
    ('0.0001235', '8', '-')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def shown_values(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in params.items())
