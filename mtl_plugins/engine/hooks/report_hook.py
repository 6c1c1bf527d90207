"""What a run leaves for its report beside the logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import HOOKS

from ...costs import run_cost
from ...evaluation.baselines import configured_metric
from ...report import Details
from ...visualization import default_palette, sample_maps, save_maps
from .chosen_images_hook import ChosenImagesHook


@HOOKS.register_module()
class ReportHook(ChosenImagesHook):
    """Keep the details of the last validation for `tools/report.py`.

    Writes into `<work_dir>/report`, anew after every validation: `metrics.json` with the confusion
    matrix, the depth errors over the distance and what the network costs, and `gallery/<image
    name>` (see `save_maps`) for some images, the same ones every time.

    Args:
        num_images: how many images are kept, 0 or more.
        longest: pixels of the longer side that their maps have at most.

    Raises:
        ConfigError: `num_images` is negative, or a sample does not know the path of its image.

    In a config: `custom_hooks = [dict(type='ReportHook', num_images=4)]`.
    """

    priority = "LOW"

    def __init__(self, num_images: int = 4, longest: int = 512) -> None:
        super().__init__(num_images)
        self.longest = longest
        self._size: tuple[int, int] | None = None
        self._cost: dict[str, Any] | None = None

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Keep the maps of the chosen images."""
        super().after_val_iter(runner, batch_idx, data_batch, outputs)
        if outputs and self._size is None:
            self._size = outputs[0].metainfo.get("pad_shape")

    def show(
        self,
        runner: Runner,
        image: np.ndarray,
        sample: BaseDataElement,
        meta: Mapping[str, Any],
        name: str,
        step: int | None,
    ) -> None:
        """Write the image and its maps; those of a test belong to no curve and are left out."""
        targets = sample_maps(sample)
        if step is not None and targets:
            save_maps(Details.gallery(runner.work_dir) / name, image, targets, self.longest)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write `metrics.json`."""
        if not is_main_process():
            return
        if self._cost is None and self._size is not None:
            self._cost = run_cost(runner.model, self._size)
        meta = runner.val_loop.dataloader.dataset.metainfo
        classes = [str(name) for name in meta.get("classes") or ()]
        palette = meta.get("palette") or default_palette(len(classes))
        metric = configured_metric(runner.val_evaluator.metrics)
        Details(
            epoch=runner.epoch,
            iteration=runner.iter,
            classes=classes,
            palette=[[int(value) for value in color] for color in palette],
            depth_unit=meta.get("depth_unit", "m"),
            ignore_label=metric.ignore_label,
            confusion=None if metric.confusion is None else metric.confusion.tolist(),
            distance_errors=metric.distance_errors,
            cost=self._cost,
            images=self._names,
        ).write(runner.work_dir)
