"""A training loop that goes on in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dist import get_rank, get_world_size
from mmengine.runner import EpochBasedTrainLoop
from mmseg.registry import LOOPS
from torch import nn

from ...datasets import seed_all
from ...errors import ConfigError
from ..distributed.processes import average_statistics

POSITION = "position"
"""Where the message hub, and so a checkpoint, says how far a run is: its `epoch`, how many `images`
of it all processes together have trained, and how many a `step` trains."""

VALIDATED = "last_validation"
"""Where the message hub, and so a checkpoint, says which epoch was the last to be validated."""


@LOOPS.register_module()
class SeededTrainLoop(EpochBasedTrainLoop):
    """mmengine's epoch loop, whose randomness is a function of seed and iteration alone.

    All generators are seeded anew before every iteration, so that dropout and random task weights
    are the same whatever happened before: other numbers of workers, a validation, a resume. A
    checkpoint that was saved within an epoch is continued at its next image, also with another
    number of processes or batch size; mmengine's own loop begins the epoch again. With a
    `SeededSampler` the finished images are not even read; with another sampler whole batches are
    passed over. One that was saved between an epoch and its validation is continued with the
    validation, which mmengine leaves out. Processes validate one network (`average_statistics`).

    Args:
        max_epochs, val_begin, val_interval, dynamic_intervals: see mmengine.

    Raises:
        ConfigError: the data set has fewer samples than a batch, and `drop_last` is set.

    In a config: `train_cfg = dict(type='SeededTrainLoop', max_epochs=30)`.
    """

    images = 0
    """Images of the epoch that are trained."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not len(self.dataloader):
            raise ConfigError(
                f"The training data has {len(self.dataloader.dataset)} samples, too few for a "
                f"batch of train_dataloader.batch_size={self.dataloader.batch_size} in each "
                "process, and drop_last leaves out what does not fill one. Choose smaller batches."
            )

    @property
    def images_per_step(self) -> int:
        """Images that all processes together train in an iteration."""
        return getattr(self.dataloader.batch_sampler, "batch_size", 1) * get_world_size()

    @property
    def finished(self) -> int:
        """Iterations of the epoch that need not be trained any more, at the present batch size."""
        length, batches = len(self.dataloader), self.dataloader.batch_sampler
        if not hasattr(getattr(batches, "sampler", None), "start"):
            return min(length, self.images // self.images_per_step)
        left = max(0, len(self.dataloader.dataset) - self.images)
        of_rank = -(-left // get_world_size())
        if not batches.drop_last:
            of_rank += batches.batch_size - 1
        return length - of_rank // batches.batch_size

    def restore(self) -> int | None:
        """Find the position in an epoch of a run that goes on.

        Returns:
            Images that an iteration trained when the checkpoint was saved; None: not known.
        """
        length = len(self.dataloader)
        position = self.runner.message_hub.runtime_info.get(POSITION, {})
        if self._iter > 0 and position.get("epoch") == self._epoch:
            self.images = position["images"]
        else:
            self.images = max(0, self._iter - self._epoch * length) * self.images_per_step
        self._max_iters = self._iter + (self._max_epochs - self._epoch) * length - self.finished
        return position.get("step")

    def run(self) -> nn.Module:
        """Train and validate, or what is left of it."""
        self.restore()
        self.runner.call_hook("before_train")
        if self._epoch > 0 and self.images == 0:
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
        for index, batch in enumerate(self._batches(), self.finished):
            self.run_iter(index, batch)
        self._reach(self._epoch + 1, 0)
        average_statistics(self.runner.model)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Train one iteration, from a random state of its own."""
        different = self.runner._randomness_cfg.get("diff_rank_seed", False)
        seed_all(self.runner.seed, self._iter, get_rank() if different else 0)
        # Before its hooks, which may save a checkpoint when the step is done.
        self._reach(self._epoch, self.images + self.images_per_step)
        super().run_iter(idx, data_batch)

    def _reach(self, epoch: int, images: int) -> None:
        self.images = images
        position = dict(epoch=epoch, images=images, step=self.images_per_step)
        self.runner.message_hub.update_info(POSITION, position)

    def _validate(self) -> None:
        """Validate if this epoch's turn has come and it has not been validated before a stop."""
        self._decide_current_val_interval()
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is None or self._epoch < self.val_begin or not due:
            return
        if self.runner.message_hub.runtime_info.get(VALIDATED) != self._epoch:
            self.runner.val_loop.run()

    def _batches(self) -> Iterator[dict]:
        """Return the batches of the epoch that are left."""
        sampler: Any = getattr(self.dataloader.batch_sampler, "sampler", None)
        if not hasattr(sampler, "start"):
            return islice(self.dataloader, self.finished, None)
        sampler.start = self.images
        return iter(self.dataloader)
