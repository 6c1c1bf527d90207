"""What a study found, as rows of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import optuna
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..ladder import spread_of
from .storage import WORKER
from .study import latest
from .worker import OPTIONS, REASON, RUNS, TWIN

MOST_VALUES = 8
"""Parameters with more values than this have no row for each."""
PARAM = "param "
"""What the columns of parameters begin with."""


def trial_rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Return a row for every trial: scored ones first, the best first; None: not known.

    Columns: `trial`, `state`, `score` with the `std` of its `n` seeds, `seconds` of the whole
    trial; `batch_size`, `step_seconds` (mean over the seeds), `peak_bytes` (of the worst) and
    which `memory` that is; the parameters; the mean of every metric; `options`, `worker`,
    `reason` of a failure, and the `twin`: the trial whose result was taken over.
    """
    trials = latest(study)
    params = sorted({name for trial in trials for name in trial.params})
    runs = [run for trial in trials for run in trial.user_attrs.get(RUNS, [])]
    metrics = list(dict.fromkeys(name for run in runs for name in run["metrics"]))
    rows = [_trial_row(trial, params, metrics) for trial in trials]
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    return sorted(rows, key=lambda row: (row["state"] != "complete", sign * (row["score"] or 0)))


def _trial_row(trial: FrozenTrial, params: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    # A pruned trial's value is that of an earlier epoch.
    ended = trial.state == TrialState.COMPLETE
    runs = trial.user_attrs.get(RUNS, []) if ended else []
    usage = [run["usage"] for run in runs if run["usage"]]
    spread = spread_of([run["score"] for run in runs])
    row: dict[str, Any] = dict(
        trial=trial.number,
        state="failed" if trial.state == TrialState.FAIL else trial.state.name.lower(),
        score=trial.value if ended else None,
        std=spread.std,
        n=spread.n,
        seconds=trial.duration.total_seconds() if trial.duration else None,
        batch_size=usage[0]["batch_size"] if usage else None,
        step_seconds=_mean([found["step_seconds"] for found in usage]),
        peak_bytes=max((found["peak_bytes"] or 0 for found in usage), default=None) or None,
        memory=usage[0]["memory"] if usage else None,
    )
    row |= {PARAM + name: trial.params.get(name) for name in params}
    row |= {name: _mean([run["metrics"].get(name) for run in runs]) for name in metrics}
    return row | dict(
        options=" ".join(trial.user_attrs.get(OPTIONS, [])),
        worker=trial.user_attrs.get(WORKER),
        reason=trial.user_attrs.get(REASON),
        twin=trial.user_attrs.get(TWIN),
    )


def scored_rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Return the rows of trials that were trained to their end, the best first."""
    return [row for row in trial_rows(study) if row["score"] is not None and row["twin"] is None]


def pair_rows(study: optuna.Study, first: str, second: str) -> list[dict[str, Any]]:
    """Return a row for each value of one parameter, with a column for each of another.

    They hold the mean score of the trials with both; None: there is none.
    """
    rows = [r for r in scored_rows(study) if {PARAM + first, PARAM + second} <= r.keys()]
    if not rows:
        return []
    keys = [(row[PARAM + first], row[PARAM + second]) for row in rows]
    lines, columns = (_sorted(set(values) - {None}) for values in zip(*keys, strict=True))
    means = {
        key: mean(row["score"] for row, own in zip(rows, keys, strict=True) if own == key)
        for key in keys
    }
    return [
        {f"{first} x {second}": line}
        | {shown(column): means.get((line, column)) for column in columns}
        for line in lines
    ]


def value_rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Return a row for each value of each parameter that takes few, over its scored trials.

    Columns: `parameter`, `value`, number of `trials`, `mean_score`, `best_score`, `step_seconds`
    (mean), `images_per_second`, `peak_bytes` (of the worst trial).
    """
    rows = scored_rows(study)
    kinds = {name: kind for t in latest(study) for name, kind in t.distributions.items()}
    maximize = study.direction == StudyDirection.MAXIMIZE
    found = []
    for name, kind in sorted(kinds.items()):
        values = {row[PARAM + name] for row in rows} - {None}
        if len(values) > MOST_VALUES or (isinstance(kind, FloatDistribution) and not kind.step):
            continue
        for value in _sorted(values):
            members = [row for row in rows if row[PARAM + name] == value]
            found.append(_value_row(name, value, members, maximize))
    return found


def _value_row(
    name: str, value: Any, members: Sequence[dict[str, Any]], maximize: bool
) -> dict[str, Any]:
    scores = [row["score"] for row in members]
    timed = [row for row in members if row["step_seconds"] and row["batch_size"]]
    return dict(
        parameter=name,
        value=value,
        trials=len(members),
        mean_score=mean(scores),
        best_score=max(scores) if maximize else min(scores),
        step_seconds=_mean([row["step_seconds"] for row in members]),
        images_per_second=_mean([row["batch_size"] / row["step_seconds"] for row in timed]),
        peak_bytes=max((row["peak_bytes"] or 0 for row in members), default=0) or None,
    )


def _sorted(values: set[Any]) -> list[Any]:
    """Return numbers as numbers, then words."""
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def shown(value: Any) -> str:
    """Return a parameter's value as text.

    >>> shown(0.0001234567), shown(8), shown(None)
    ('0.0001235', '8', '-')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def shown_values(params: Mapping[str, Any]) -> str:
    """Return parameters and their values as text."""
    return ", ".join(f"{name} {shown(value)}" for name, value in params.items())
