"""Whether a head can predict the depths of the data."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...models.segmentors import MultiTaskSegmentor
from ...targets import DEPTH, NO_DEPTH
from ...utils import unwrapped

TOO_MANY = 0.5
"""Share of the measured pixels that may lie outside of what a head predicts."""


@HOOKS.register_module()
class DepthCheckHook(Hook):
    """Warn where most depths of the first batch are none that a head's codec has.

    Files in another unit than `depth_format` says (centimetres read as metres) otherwise train
    without a word: every truth is clamped to the codec's ends. Heads without a codec are left out.

    In a config: `custom_hooks = [dict(type='DepthCheckHook')]`.
    """

    def __init__(self) -> None:
        self._checked = False

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None
    ) -> None:
        """Compare the truth of the first batch with the codec of each depth head."""
        if self._checked:
            return
        self._checked = True
        model = unwrapped(runner.model)
        samples = (data_batch or {}).get("data_samples") or ()
        truths = [sample.get(DEPTH.truth).data for sample in samples if DEPTH.truth in sample]
        depths = torch.cat([truth[truth > NO_DEPTH] for truth in truths]) if truths else None
        if depths is None or not len(depths) or not isinstance(model, MultiTaskSegmentor):
            return
        for task, head in model.decode_head.tasks():
            codec = getattr(head, "codec", None)
            if head.target is not DEPTH or codec is None:
                continue
            outside = (depths < codec.min_depth) | (depths > codec.max_depth)
            share = outside.float().mean().item()
            if share > TOO_MANY:
                print_log(
                    f"{100 * share:.0f} % of the depths of the first batch (median "
                    f"{depths.median():.4g}) are not within the {codec.min_depth:g} to "
                    f"{codec.max_depth:g} of model.decode_head.task_heads.{task}.codec. "
                    "Is depth_format.scale right?",
                    logger="current",
                    level=logging.WARNING,
                )
