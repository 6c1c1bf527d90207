"""Report a run: details of each validation for the report page, a summary at the end."""

from __future__ import annotations

import json
import os.path as osp
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmengine.visualization import TensorboardVisBackend
from mmseg.registry import HOOKS
from rich.console import Console

from ...costs import run_cost
from ...evaluation import Baselines, configured_metric, image_blind_scores, kind_of
from ...report import Details, balance_report, balance_table, metrics_table
from ...targets import Target, targets_in
from ...utils import write_text
from ...visualization import sample_maps, sample_targets, save_maps
from .panel_hook import ChosenImagesHook


@HOOKS.register_module()
class ReportHook(ChosenImagesHook):
    """Save details of the last validation for `tools/report.py`.

    After every validation, this rewrites two things in `<work_dir>/report`: `metrics.json` with
    the targets, confusion matrices, errors over the distance and the cost of the network, and
    `gallery/<image name>` (see `save_maps`) for some images, the same ones every time.

    Args:
        num_images: number of images to keep, 0 or more.
        longest: largest side of the kept maps in pixels.

    Raises:
        ConfigError: `num_images` is negative, or a sample lacks the path of its image.

    In a config: `default_hooks = dict(report=dict(type='ReportHook', num_images=4))`.
    """

    priority = "LOW"

    def __init__(self, num_images: int = 4, longest: int = 512) -> None:
        super().__init__(num_images)
        self.longest = longest
        self._size: tuple[int, int] | None = None
        self._cost: dict[str, Any] | None = None
        self._targets: dict[str, Target] = {}

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the maps of the chosen images, and the targets of all."""
        super().after_val_iter(runner, batch_idx, data_batch, outputs)
        meta = runner.val_loop.dataloader.dataset.metainfo
        for sample in outputs or ():
            self._size = self._size or sample.metainfo.get("pad_shape")
            self._targets |= {target.name: target for target in sample_targets(sample, meta)}

    def show(
        self,
        runner: Runner,
        image: np.ndarray,
        sample: BaseDataElement,
        meta: Mapping[str, Any],
        name: str,
        step: int | None,
    ) -> None:
        """Write a validation image and its maps; the report shows no test images."""
        targets = sample_maps(sample, meta)
        if step is not None and targets:
            save_maps(Details.gallery(runner.work_dir) / name, image, targets, self.longest)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write `metrics.json`."""
        if not is_main_process():
            return
        if self._cost is None and self._size is not None:
            self._cost = run_cost(runner.model, self._size)
        metric = configured_metric(runner.val_evaluator.metrics)
        Details(
            epoch=runner.epoch,
            iteration=runner.iter,
            targets={name: target.to_dict() for name, target in self._targets.items()},
            confusion={name: counts.tolist() for name, counts in metric.confusions.items()},
            distance_errors=metric.errors_by_distance,
            cost=self._cost,
            images=self._names,
        ).write(runner.work_dir)


@HOOKS.register_module()
class SummaryHook(Hook):
    """Print the last validation, the balance of the tasks, and the places of the run's files.

    The metrics are printed beside those of the image-blind predictor. Both, and the balance of the
    tasks if the balancer logs it, are also written to `summary.json` in the work dir.

    Args:
        image_blind: compute the image-blind predictor, which reads all targets once.
        baselines: file of single-task baselines (`baselines.json` of `tools/ladder.py`); adds
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
            # A run that is resumed after its last validation has nothing left to do.
            self.metrics = _logged_metrics(runner.message_hub)
        if self.metrics:
            self._report(runner)

    @master_only
    def _report(self, runner: Runner) -> None:
        blind: dict[str, float] = {}
        dataset = runner.train_dataloader.dataset
        if self.image_blind and {*map(kind_of, self.metrics)} & {*targets_in(dataset.metainfo)}:
            blind = image_blind_scores(
                dataset,
                runner.val_dataloader.dataset,
                configured_metric(runner.val_evaluator.metrics),
            )
        balance = balance_report(runner.message_hub)
        gains = self.baselines.delta_m(self.metrics) if self.baselines else {}
        found = dict(metrics=self.metrics, image_blind=blind, balance=balance, delta_m=gains)
        write_text(osp.join(runner.work_dir, "summary.json"), json.dumps(found, indent=1))
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
    """Return the last logged value of each metric, without the validation's times."""
    return {
        key.removeprefix("val/"): float(log.current())
        for key, log in hub.log_scalars.items()
        if key.startswith("val/") and key not in ("val/time", "val/data_time")
    }
