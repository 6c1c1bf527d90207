"""What happens to samples that could not be read and were skipped."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...errors import ConfigError, DataError


@HOOKS.register_module()
class SkippedSamplesHook(Hook):
    """List the samples that a data set with `on_bad_sample='skip'` left out, and stop at a limit.

    Each bad file is told once, when it is met; the list of all stands in the log after every
    epoch. More than `limit` different ones (on any process) end the training: the rest would be
    trained on other data than the config says.

    Args:
        limit: number of different bad samples that are borne, 0 or more.

    Raises:
        ConfigError: `limit` is negative.
        DataError: more than `limit` samples are bad.

    In a config: `custom_hooks = [dict(type='SkippedSamplesHook', limit=100)]`, and
    `train_dataloader.dataset.on_bad_sample='skip'`.
    """

    def __init__(self, limit: int = 100) -> None:
        if limit < 0:
            raise ConfigError(f"SkippedSamplesHook: limit={limit}; expected 0 or more.")
        self.limit = limit
        self.skipped: dict[str, None] = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Take down what was skipped on the way to this batch."""
        for sample in (data_batch or {}).get("data_samples") or ():
            for problem in sample.metainfo.get("skipped", ()):
                if problem not in self.skipped:
                    self.skipped[problem] = None
                    print_log(
                        f"Skipped a sample: {problem}", logger="current", level=logging.WARNING
                    )
        if len(self.skipped) > self.limit:
            raise DataError(
                f"{len(self.skipped)} samples could not be read, more than the "
                f"{self.limit} that SkippedSamplesHook.limit bears. The last one: "
                f"{next(reversed(self.skipped))} Run tools/check_data.py for the whole list."
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Log the list of all bad samples so far."""
        problems = sorted({p for found in all_gather_object(list(self.skipped)) for p in found})
        if problems:
            listed = "\n".join(f"- {problem}" for problem in problems)
            print_log(
                f"{len(problems)} samples could not be read and were skipped:\n{listed}",
                logger="current",
                level=logging.WARNING,
            )
