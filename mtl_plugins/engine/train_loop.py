"""A training loop that goes on in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop
from mmseg.registry import LOOPS
from torch import nn

from ..datasets.sample_index import seed_all
from .scalars_hook import VALIDATED


@LOOPS.register_module()
class SeededTrainLoop(EpochBasedTrainLoop):
    """mmengine's epoch loop, whose randomness is a function of seed and iteration alone.

    All generators are seeded anew before every iteration, so that dropout and random task weights
    are the same whatever happened before: other numbers of workers, a validation, a resume. A
    checkpoint that was saved within an epoch is continued at its next batch; mmengine's own loop
    begins the epoch again. With a `SeededSampler` the finished batches are not even read. One that
    was saved between an epoch and its validation is continued with the validation, which mmengine
    leaves out.

    Args:
        max_epochs, val_begin, val_interval, dynamic_intervals: see mmengine.

    In a config: `train_cfg = dict(type='SeededTrainLoop', max_epochs=30)`.
    """

    def run(self) -> nn.Module:
        """Train and validate, or what is left of it."""
        self.runner.call_hook("before_train")
        if self._epoch * len(self.dataloader) == self._iter > 0:
            self._validate()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self) -> None:
        """Train an epoch, or what is left of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        for index, batch in enumerate(self._batches(done), done):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Train one iteration, from a random state of its own."""
        different = self.runner._randomness_cfg.get("diff_rank_seed", False)
        seed_all(self.runner.seed, self._iter, get_rank() if different else 0)
        super().run_iter(idx, data_batch)

    def _validate(self) -> None:
        """Validate if this epoch's turn has come and it has not been validated before a stop."""
        self._decide_current_val_interval()
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is None or self._epoch < self.val_begin or not due:
            return
        if self.runner.message_hub.runtime_info.get(VALIDATED) != self._epoch:
            self.runner.val_loop.run()

    def _batches(self, done: int) -> Iterator[dict]:
        """Return the batches of the epoch behind the first `done`."""
        sampler: Any = getattr(self.dataloader.batch_sampler, "sampler", None)
        if not hasattr(sampler, "start"):
            return islice(self.dataloader, done, None)
        sampler.start = done * self.dataloader.batch_sampler.batch_size
        return iter(self.dataloader)
