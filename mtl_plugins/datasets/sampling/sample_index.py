"""An index into a data set that knows which randomness its sample is to be drawn with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class SampleIndex(int):
    """An index that carries the key of its randomness: (seed, epoch, index into the whole).

    It is an `int` wherever one is expected. Data sets that join or repeat others compute inner
    indices from it by `-` and `%`; the key stays what it was, so that a sample repeated within an
    epoch is augmented differently each time.

    >>> index = SampleIndex(7, key=(0, 3, 7))
    >>> index - 5, (index - 5).key
    (2, (0, 3, 7))
    """

    key: tuple[int, int, int]

    def __new__(cls, value: int, key: tuple[int, int, int]) -> SampleIndex:
        index = super().__new__(cls, value)
        index.key = key
        return index

    # Of an int's two arguments pickle needs both; its own type knows one.
    def __getnewargs__(self) -> tuple[Any, ...]:
        return int(self), self.key

    def __sub__(self, other: int) -> SampleIndex:
        return SampleIndex(int(self) - other, self.key)

    def __mod__(self, other: int) -> SampleIndex:
        return SampleIndex(int(self) % other, self.key)


def seed_all(*key: int) -> None:
    """Seed Python's, NumPy's and torch's generators by any number of integers.

    Neighbouring keys give unrelated streams (`numpy.random.SeedSequence`).
    """
    state = np.random.SeedSequence(key).generate_state(3, np.uint32).tolist()
    random.seed(state[0])
    np.random.seed(state[1])
    torch.manual_seed(state[2])


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Seed all generators by the key inside, and leave them as they were before outside.

    >>> with seeded(1, 2):
    ...     first = np.random.rand()
    >>> with seeded(1, 2):
    ...     np.random.rand() == first
    True
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    state = np.random.SeedSequence(key).generate_state(3, np.uint32).tolist()
    random.seed(state[0])
    np.random.seed(state[1])
    # Not torch.manual_seed, which would reseed the devices too.
    torch.default_generator.manual_seed(state[2])
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
