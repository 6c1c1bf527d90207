"""A training loop that goes on in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop
from mmseg.registry import LOOPS

from ..datasets.sample_index import seed_all


@LOOPS.register_module()
class SeededTrainLoop(EpochBasedTrainLoop):
    """mmengine's epoch loop, whose randomness is a function of seed and iteration alone.

    All generators are seeded anew before every iteration, so that dropout and random task weights
    are the same whatever happened before: other numbers of workers, a validation, a resume. A
    checkpoint that was saved within an epoch is continued at its next batch; mmengine's own loop
    begins the epoch again. With a `SeededSampler` the finished batches are not even read.

    Args:
        max_epochs, val_begin, val_interval, dynamic_intervals: see mmengine.

    In a config: `train_cfg = dict(type='SeededTrainLoop', max_epochs=30)`.
    """

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

    def _batches(self, done: int) -> Iterator[dict]:
        """Return the batches of the epoch behind the first `done`."""
        sampler = getattr(self.dataloader.batch_sampler, "sampler", None)
        if not hasattr(sampler, "start"):
            return islice(self.dataloader, done, None)
        sampler.start = done * self.dataloader.batch_sampler.batch_size
        return iter(self.dataloader)
