"""A sampler whose indices say how their samples are to be augmented."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mmengine.dataset import DefaultSampler
from mmseg.registry import DATA_SAMPLERS

from .sample_index import SampleIndex


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's `DefaultSampler`, with the randomness of a sample a function of its place alone.

    Every index carries (seed, epoch, index), by which our data sets seed all generators while they
    load and augment that sample: the number of workers and of processes, and where a run was
    resumed, change nothing. `start` leaves out the first samples of an epoch, for a run that goes
    on in the middle of one.

    Args:
        dataset, shuffle, seed, round_up: see mmengine; the runner fills in its seed.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleIndex]:
        """Iterate over this process's indices of the epoch."""
        for index in islice(super().__iter__(), self.start, None):
            yield SampleIndex(index, (self.seed, self.epoch, index))
