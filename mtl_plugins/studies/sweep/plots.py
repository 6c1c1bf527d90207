"""Plots of a study: which parameter matters, and which values go together."""

from __future__ import annotations

import os.path as osp

import matplotlib.pyplot as plt
import optuna
from matplotlib.axes import Axes
from optuna.trial import TrialState
from optuna.visualization import matplotlib as drawings

FEWEST = 2
"""Different scores that a plot needs."""
DPI = 120
INCHES = 1.8
"""Between two parameters."""


def draw_plots(study: optuna.Study, metric: str, out: str) -> tuple[list[str], list[str]]:
    """Draw `importance.png` and `parallel_coordinates.png` into a folder.

    Returns:
        The files, and sentences on what they do not show.
    """
    trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    shared = set.intersection(*(set(t.params) for t in trials)) if trials else set()
    drawn = sorted(name for name in shared if len({t.params[name] for t in trials}) > 1)
    if len({trial.value for trial in trials}) < FEWEST or not drawn:
        return [], [
            f"No plots: they need {FEWEST} different scores, and a parameter that all trials have "
            "and that differs."
        ]
    plt.switch_backend("Agg")
    files = []
    for name, draw in dict(
        importance=_importance, parallel_coordinates=_parallel_coordinates
    ).items():
        files.append(osp.join(out, f"{name}.png"))
        axes = draw(study, metric, drawn)
        axes.figure.savefig(files[-1], dpi=DPI, bbox_inches="tight")
        plt.close(axes.figure)
    rest = sorted({name for trial in trials for name in trial.params} - set(drawn))
    left_out = f"The plots leave out {', '.join(rest)}: not in all trials, or always the same."
    return files, [left_out] if rest else []


def _importance(study: optuna.Study, metric: str, params: list[str]) -> Axes:
    # Of the variance over all trials; Optuna's default looks at the best tenth, which is three
    # trials of a usual study.
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    axes = drawings.plot_param_importances(
        study, evaluator=evaluator, params=params, target_name=metric
    )
    axes.set_title("share of the score's variance (fANOVA)", loc="left")
    axes.set(xlabel="", ylabel="")
    return axes


def _parallel_coordinates(study: optuna.Study, metric: str, params: list[str]) -> Axes:
    axes = drawings.plot_parallel_coordinate(study, params, target_name=metric)
    axes.set_title("")
    axes.figure.set_size_inches(INCHES * len(axes.figure.axes), 5)
    for each in axes.figure.axes:
        each.grid(False)
        # Lines end where the labels are.
        for label in each.get_yticklabels():
            label.set(bbox=dict(facecolor="white", edgecolor="none", pad=1, alpha=0.8), zorder=10)
    return axes
