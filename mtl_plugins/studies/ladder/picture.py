"""The steps of a ladder as a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .step import METRICS, MIOU, SI_LOG_RMSE, Step

BETTER = {MIOU: "higher is better", SI_LOG_RMSE: "lower is better"}
DPI = 120
SEED_SHIFT = 0.12
CHARACTERS_PER_INCH = 14
"""Of the caption's font."""


def draw_ladder(steps: Sequence[Step], caption: str, path: str) -> None:
    """Draw mIoU and SI-logRMSE over the steps: each seed, mean and standard deviation.

    Args:
        steps: in their order.
        caption: text below, of any length.
        path: PNG file to write.
    """
    width = max(7.0, 0.75 * len(steps) + 2)
    figure = Figure(figsize=(width, 8), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 1, sharex=True)
    for axis, metric in zip(axes, BETTER, strict=True):
        _draw_metric(axis, steps, metric)
    axes[-1].set_xticks(range(len(steps)), [step.name for step in steps], rotation=45, ha="right")
    axes[-1].set_xlim(-0.5, len(steps) - 0.5)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    lines = textwrap.wrap(caption, int(width * CHARACTERS_PER_INCH))
    figure.supxlabel("\n".join(lines), fontsize=8, ha="left", x=0.01)
    figure.savefig(path)


def _draw_metric(axis: Axes, steps: Sequence[Step], metric: str) -> None:
    points = [(x, value) for x, step in enumerate(steps) for value in step.values(metric).values()]
    spreads = [step.spread(metric) for step in steps]
    means = [np.nan if spread.mean is None else spread.mean for spread in spreads]
    stds = [spread.std or 0 for spread in spreads]
    x, y = np.array(points).reshape(-1, 2).T
    # Beside the mean, which would hide seeds that agree.
    axis.plot(x - SEED_SHIFT, y, "o", color="0.6", markersize=4, label="one seed")
    axis.errorbar(
        range(len(steps)), means, stds, fmt="o-", color="tab:blue", markersize=6, capsize=4,
        linewidth=1, label="mean ± standard deviation",
    )  # fmt: skip
    blind = next((s.image_blind[metric] for s in steps if metric in s.image_blind), None)
    if blind is not None:
        axis.axhline(blind, color="tab:red", linestyle="--", linewidth=1, label="image-blind")
    axis.set_ylabel(f"{METRICS[metric]}\n{BETTER[metric]}")
    axis.grid(axis="y", color="0.9")
    axis.set_axisbelow(True)
