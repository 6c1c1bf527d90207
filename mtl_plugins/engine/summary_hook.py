"""What a user sees when training has ended."""

from __future__ import annotations

import json
import os.path as osp

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from rich.console import Console

from .baseline import configured_metric, image_blind_scores
from .metrics_table import metrics_table


@HOOKS.register_module()
class SummaryHook(Hook):
    """Print the last validation beside the image-blind predictor, and where everything is.

    Also writes both as `summary.json` into the work dir.

    Args:
        image_blind: whether to compute the image-blind predictor (reads all targets once).
    """

    priority = "VERY_LOW"

    def __init__(self, image_blind: bool = True) -> None:
        self.image_blind = image_blind
        self.metrics: dict[str, float] = {}

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Remember the metrics of the last validation."""
        self.metrics = {key: float(value) for key, value in (metrics or {}).items()}

    def after_train(self, runner: Runner) -> None:
        """Print the table and write `summary.json`."""
        if not self.metrics and runner.val_loop is not None:
            # A run that was resumed behind its last epoch had nothing left to train or validate.
            runner.val_loop.run()
        if self.metrics:
            self._report(runner)

    @master_only
    def _report(self, runner: Runner) -> None:
        blind: dict[str, float] = {}
        if self.image_blind:
            blind = image_blind_scores(
                runner.train_dataloader.dataset,
                runner.val_dataloader.dataset,
                configured_metric(runner.val_evaluator.metrics),
            )
        with open(osp.join(runner.work_dir, "summary.json"), "w", encoding="utf-8") as file:
            json.dump(dict(metrics=self.metrics, image_blind=blind), file, indent=1)
        console = Console()
        console.print(metrics_table("this run", self.metrics, blind))
        console.print(f"pictures     {osp.join(runner.work_dir, 'panels')}", soft_wrap=True)
        console.print(f"checkpoints  {runner.work_dir}", soft_wrap=True)
        console.print(f"curves       tensorboard --logdir {runner.work_dir}", soft_wrap=True)
