"""A sampler whose indices say how their samples are to be augmented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice

import torch
from mmengine.dataset import DefaultSampler
from mmseg.registry import DATA_SAMPLERS

from .sample_index import SampleIndex


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's `DefaultSampler`, with the randomness of a sample a function of its place alone.

    Every index carries (seed, epoch, index), by which our data sets seed all generators while they
    load and augment that sample: the number of workers and of processes, and where a run was
    resumed, change nothing. `start` leaves out the first samples of an epoch, counted over all
    processes, for a run that goes on in the middle of one, with whatever number of processes: what
    is left is dealt out to them, and filled up (`round_up`) with samples from the epoch's
    beginning.

    Args:
        dataset, shuffle, seed, round_up: see mmengine; the runner fills in its seed.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleIndex]:
        """Iterate over this process's indices of what is left of the epoch."""
        size = len(self.dataset)
        order: Iterable[int] = range(size)
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + self.epoch)
            order = torch.randperm(size, generator=generator).tolist()
        end = max(size, self.start)
        if self.round_up:
            end += -(end - self.start) % self.world_size
        for index in islice(cycle(order), self.start + self.rank, end, self.world_size):
            yield SampleIndex(index, (self.seed, self.epoch, index))
