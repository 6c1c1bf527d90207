"""Attention to bins against the written-out attention

Forward and backward of the mean over bins that `AttentionBinsHead` predicts, on 256x512 feature
maps. Memory is the peak above the inputs and their gradients; one copy is a map of bins x pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import torch
from torch import Tensor

from mtl_plugins.costs import peak_memory
from mtl_plugins.models.layers import attended_mean

from ..measurement import Goal
from ..row import Case, Samples
from ..settings import Settings
from ..turns import in_turns, milliseconds

CHANNELS = 64
FLOAT = 4
"""Bytes."""


def written_out(queries: Tensor, latents: Tensor, values: Tensor) -> Tensor:
    """Compute `attended_mean` literally by its formula."""
    similarity = torch.einsum("npc,nbc->nbp", queries, latents)
    return torch.einsum("nbp,nb->np", similarity.softmax(1), values)


def cases(settings: Settings) -> Iterator[Case]:
    """Yield time and memory for every number of bins."""
    height, width = settings.choose(cpu=(256, 512), cuda=(256, 512), quick=(32, 32))
    numbers = settings.choose(cpu=(64, 256, 1024), cuda=(64, 256, 1024), quick=(16, 64))

    @cache
    def both(bins: int) -> tuple[_BothWays, _BothWays]:
        pixels, place = height * width, settings.place
        return _BothWays(attended_mean, pixels, bins, place), _BothWays(
            written_out, pixels, bins, place
        )

    def time(bins: int) -> Samples:
        return milliseconds(in_turns(*both(bins), settings))

    def memory(bins: int) -> Samples:
        one = FLOAT * bins * height * width
        ours, other = (run.peak() / one for run in both(bins))
        return Samples([ours], [other])

    sides = ("attended_mean, forward and backward", "softmax of einsum, written out")
    for bins in numbers:
        yield Case(f"time, {bins} bins", *sides, "ms", partial(time, bins), Goal("at most", 1.0))
        yield Case(
            f"memory, {bins} bins", *sides, "copies", partial(memory, bins), Goal("at most", 0.5)
        )


class _BothWays:
    """Forward and backward of a function of random queries, latents and values."""

    def __init__(
        self, function: Callable[..., Tensor], pixels: int, bins: int, device: torch.device
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        self.function, self.device = function, device
        self.given = [
            torch.randn(shape, generator=generator).to(device).requires_grad_()
            for shape in ((1, pixels, CHANNELS), (1, bins, CHANNELS), (1, bins))
        ]
        self.weight = torch.randn(1, pixels, generator=generator).to(device)

    def __call__(self) -> None:
        self.forget()
        self.function(*self.given).backward(self.weight)

    def forget(self) -> None:
        """Free the gradients."""
        for each in self.given:
            each.grad = None

    def peak(self) -> int:
        """Return the peak bytes above the inputs and their gradients."""
        self()
        self.forget()
        gradients = sum(each.untyped_storage().nbytes() for each in self.given)
        on_cuda = self.device.type == "cuda"
        held = torch.cuda.memory_allocated(self.device) if on_cuda else gradients
        return peak_memory(self, self.given, self.device) - held - gradients
