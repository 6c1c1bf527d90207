"""Train in epochs that can be resumed at any image, also with another batch size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dist import get_rank, get_world_size
from mmengine.runner import EpochBasedTrainLoop
from mmseg.registry import LOOPS
from torch import nn

from ..datasets import seed_all
from .processes import average_statistics

POSITION = "position"
"""Key of the message hub, and so of checkpoints, for the position of a run: the `epoch`, the number
of its `images` that all processes together have trained, and the images in a `step`."""

VALIDATED = "last_validation"
"""Key of the message hub, and so of checkpoints, for the last validated epoch."""


@LOOPS.register_module()
class SeededTrainLoop(EpochBasedTrainLoop):
    """Train in epochs as mmengine does, with randomness that depends on seed and iteration alone.

    All generators are seeded before every iteration, so that dropout and random task weights do
    not depend on the number of workers, a validation or a resume. A checkpoint saved within an
    epoch is resumed at the next image, also with another number of processes or batch size;
    mmengine's loop would repeat the epoch. With a `SeededSampler` the finished images are not even
    read; with another sampler whole batches are read and dropped. A checkpoint saved between an
    epoch and its validation is resumed with the validation, which mmengine would omit. All
    processes validate the same network (`average_statistics`).

    Args:
        max_epochs, val_begin, val_interval, dynamic_intervals: see mmengine.

    In a config: `train_cfg = dict(type='SeededTrainLoop', max_epochs=30)`.
    """

    images = 0
    """Images of the epoch that all processes together have trained."""

    @property
    def images_per_step(self) -> int:
        """Count the images that all processes together train in one iteration."""
        return getattr(self.dataloader.batch_sampler, "batch_size", 1) * get_world_size()

    @property
    def finished(self) -> int:
        """Count the finished iterations of the epoch, in the present batch size."""
        length, batches = len(self.dataloader), self.dataloader.batch_sampler
        if not hasattr(getattr(batches, "sampler", None), "start"):
            return min(length, self.images // self.images_per_step)
        left = max(0, len(self.dataloader.dataset) - self.images)
        of_rank = -(-left // get_world_size())
        if not batches.drop_last:
            of_rank += batches.batch_size - 1
        return length - of_rank // batches.batch_size

    def restore(self) -> int | None:
        """Restore the position of a resumed run within its epoch.

        Returns:
            Images in an iteration when the checkpoint was saved; None if unknown.
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
        """Train and validate, from the position of a resumed run on."""
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
        """Train an epoch, or the rest of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for index, batch in enumerate(self._batches(), self.finished):
            self.run_iter(index, batch)
        self._store_position(self._epoch + 1, 0)
        average_statistics(self.runner.model)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Train one iteration from its own random state."""
        different = self.runner._randomness_cfg.get("diff_rank_seed", False)
        seed_all(self.runner.seed, self._iter, get_rank() if different else 0)
        # Before the hooks, which may save a checkpoint after the step.
        self._store_position(self._epoch, self.images + self.images_per_step)
        super().run_iter(idx, data_batch)

    def _store_position(self, epoch: int, images: int) -> None:
        self.images = images
        position = dict(epoch=epoch, images=images, step=self.images_per_step)
        self.runner.message_hub.update_info(POSITION, position)

    def _validate(self) -> None:
        """Validate if it is due after this epoch and was not done before a stop."""
        self._decide_current_val_interval()
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is None or self._epoch < self.val_begin or not due:
            return
        if self.runner.message_hub.runtime_info.get(VALIDATED) != self._epoch:
            self.runner.val_loop.run()

    def _batches(self) -> Iterator[dict]:
        """Return the remaining batches of the epoch."""
        sampler: Any = getattr(self.dataloader.batch_sampler, "sampler", None)
        if not hasattr(sampler, "start"):
            return islice(self.dataloader, self.finished, None)
        sampler.start = self.images
        return iter(self.dataloader)
