"""What is known of the steps of a ladder, read from its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...config import load_config
from ...costs import Cost, measure_costs
from ..run import step_name
from ..statistics import Spread, spread_of
from .runs import Ladder

MIOU, SI_LOG_RMSE, SCORE = "semseg/mIoU", "depth/si_log_rmse", "multitask/score"
METRICS = {MIOU: "mIoU (%)", SI_LOG_RMSE: "SI-logRMSE", SCORE: "multitask score"}
"""Metrics of the report, and what to call them."""


@dataclass(frozen=True)
class Step:
    """A config and the runs of it that have ended.

    Args:
        name: of the config's file.
        metrics: of the last validation, by seed.
        image_blind: metrics of the image-blind predictor.
        missing: seeds whose runs have not ended.
        cost: of the model; None where no run has ended.
        schedule: how long a run trains, such as "2 epochs"; None like `cost`.
    """

    name: str
    metrics: Mapping[int, Mapping[str, float]]
    image_blind: Mapping[str, float]
    missing: tuple[int, ...]
    cost: Cost | None = None
    schedule: str | None = None

    def values(self, metric: str) -> dict[int, float]:
        """Return a metric by seed."""
        return {seed: found[metric] for seed, found in self.metrics.items() if metric in found}

    def spread(self, metric: str) -> Spread:
        """Return mean and standard deviation of a metric."""
        return spread_of(list(self.values(metric).values()))


def read_steps(ladder: Ladder, size: tuple[int, int]) -> list[Step]:
    """Read what the runs left, and measure the cost of every step that has ended once.

    Args:
        ladder: the runs.
        size: (height, width) of the image that GMACs are counted for, in pixels.
    """
    return [_read_step(ladder, config, size) for config in ladder.configs]


def _read_step(ladder: Ladder, path: str, size: tuple[int, int]) -> Step:
    found = {run.seed: run.summary() for run in ladder.runs() if run.config == path}
    ended = {seed: summary for seed, summary in found.items() if summary is not None}
    name, cost, schedule = step_name(path), None, None
    if ended:
        config = load_config(path, ladder.options)
        # Two images: batch normalisation of pooled features cannot train on one.
        cost = measure_costs({name: config}, size=size, batch_size=2, repeats=0)[0]
        unit = "epochs" if "max_epochs" in config.train_cfg else "iters"
        schedule = f"{config.train_cfg[f'max_{unit}']} {unit}"
    return Step(
        name,
        {seed: summary["metrics"] for seed, summary in ended.items()},
        next((summary["image_blind"] for summary in ended.values()), {}),
        tuple(seed for seed in found if seed not in ended),
        cost,
        schedule,
    )
