"""Reproducible sampling: each sample's randomness depends on its place in training alone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from mmseg.registry import DATA_SAMPLERS


class SampleIndex(int):
    """An index that carries the key of its randomness: (seed, epoch, index in the whole set).

    It works as an `int`. Data sets that concatenate or repeat others compute inner indices by `-`
    and `%`; these keep the key, so that a sample repeated within an epoch is augmented differently
    each time.

    >>> index = SampleIndex(7, key=(0, 3, 7))
    >>> index - 5, (index - 5).key
    (2, (0, 3, 7))
    """

    key: tuple[int, int, int]

    def __new__(cls, value: int, key: tuple[int, int, int]) -> SampleIndex:
        index = super().__new__(cls, value)
        index.key = key
        return index

    # Pickle passes `__new__` only the value unless this says otherwise.
    def __getnewargs__(self) -> tuple[Any, ...]:
        return int(self), self.key

    def __sub__(self, other: int) -> SampleIndex:
        return SampleIndex(int(self) - other, self.key)

    def __mod__(self, other: int) -> SampleIndex:
        return SampleIndex(int(self) % other, self.key)


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """Sample as mmengine's `DefaultSampler` does, with indices that carry their randomness.

    Each index is a `SampleIndex` with the key (seed, epoch, index), by which this package's data
    sets seed all generators while they load and augment the sample. Samples therefore do not
    depend on the number of workers or processes, nor on where a run was resumed.

    `start` skips the first samples of an epoch, counted over all processes, to resume a run in the
    middle of one, even with another number of processes: the rest is distributed among them, and
    filled up (`round_up`) with samples from the epoch's beginning.

    Args:
        dataset, shuffle, seed, round_up: as in mmengine; the runner fills in its seed.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleIndex]:
        """Iterate over this process's indices in the rest of the epoch."""
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


def seed_all(*key: int) -> None:
    """Seed the generators of Python, NumPy and torch by any number of integers.

    Neighbouring keys give unrelated streams (`numpy.random.SeedSequence`).
    """
    torch.manual_seed(_seed_python_and_numpy(key))


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Seed the generators by a key within the block, and restore their states afterwards.

    >>> with seeded(1, 2):
    ...     first = np.random.rand()
    >>> with seeded(1, 2):
    ...     np.random.rand() == first
    True
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    # torch.manual_seed would seed the devices too.
    torch.default_generator.manual_seed(_seed_python_and_numpy(key))
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def _seed_python_and_numpy(key: tuple[int, ...]) -> int:
    """Seed two generators, and return the seed of torch's."""
    python, numpy, for_torch = np.random.SeedSequence(key).generate_state(3, np.uint32).tolist()
    random.seed(python)
    np.random.seed(numpy)
    return for_torch
