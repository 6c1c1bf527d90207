"""What a user sees when training has ended."""

from __future__ import annotations

import json
import os.path as osp

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmengine.visualization import TensorboardVisBackend
from mmseg.registry import HOOKS
from rich.console import Console

from ...evaluation import kind_of
from ...evaluation.baselines import Baselines, configured_metric, image_blind_scores
from ...report import balance_report, balance_table, metrics_table
from ...targets import DEPTH, SEMSEG


@HOOKS.register_module()
class SummaryHook(Hook):
    """Print the last validation, how the tasks got along, and where everything is.

    The validation stands beside the image-blind predictor's; both, and the balance of the tasks
    where the balancer logs one, are also written as `summary.json` into the work dir.

    Args:
        image_blind: whether to compute the image-blind predictor (reads all targets once).
        baselines: a file of single-task baselines (`baselines.json` of `tools/ladder.py`); adds
            Delta_m.
    """

    priority = "VERY_LOW"

    def __init__(self, image_blind: bool = True, baselines: str | None = None) -> None:
        self.image_blind = image_blind
        self.baselines = None if baselines is None else Baselines.read(baselines)
        self.metrics: dict[str, float] = {}

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Remember the metrics of the last validation."""
        self.metrics = {key: float(value) for key, value in (metrics or {}).items()}

    def after_train(self, runner: Runner) -> None:
        """Print the table and write `summary.json`."""
        if not self.metrics:
            # A run that was resumed behind its last validation had nothing left to do.
            self.metrics = _logged_metrics(runner.message_hub)
        if self.metrics:
            self._report(runner)

    @master_only
    def _report(self, runner: Runner) -> None:
        blind: dict[str, float] = {}
        # It predicts nothing else.
        if self.image_blind and {*map(kind_of, self.metrics)} & {SEMSEG.kind, DEPTH.kind}:
            blind = image_blind_scores(
                runner.train_dataloader.dataset,
                runner.val_dataloader.dataset,
                configured_metric(runner.val_evaluator.metrics),
            )
        balance = balance_report(runner.message_hub)
        gains = self.baselines.delta_m(self.metrics) if self.baselines else {}
        with open(osp.join(runner.work_dir, "summary.json"), "w", encoding="utf-8") as file:
            json.dump(
                dict(metrics=self.metrics, image_blind=blind, balance=balance, delta_m=gains),
                file,
                indent=1,
            )
        console = Console()
        console.print(metrics_table("this run", self.metrics, blind))
        for name, gain in gains.items():
            console.print(f"{name}: {gain:+.2f}")
        if balance:
            console.print(balance_table(balance))
        backends = runner.visualizer._vis_backends
        console.print(f"pictures     {osp.join(runner.work_dir, 'panels')}", soft_wrap=True)
        console.print(f"checkpoints  {runner.work_dir}", soft_wrap=True)
        if any(isinstance(each, TensorboardVisBackend) for each in backends.values()):
            console.print(f"curves       tensorboard --logdir {runner.work_dir}", soft_wrap=True)


def _logged_metrics(hub: MessageHub) -> dict[str, float]:
    """Return the last value of each metric that was logged, without the validation's times."""
    return {
        key.removeprefix("val/"): float(log.current())
        for key, log in hub.log_scalars.items()
        if key.startswith("val/") and key not in ("val/time", "val/data_time")
    }
