"""Attention to bins against the written-out attention

Forward and backward of the mean over bins that `AttentionBinsHead` predicts, on 256x512 feature
maps. Memory counts everything above the inputs and their gradients; one copy is a map of bins x
pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mtl_plugins.costs import peak_memory
from mtl_plugins.models.layers import attended_mean

from ..fit import exponents
from ..measurement import Goal
from ..row import Case, Samples
from ..settings import Settings
from ..turns import in_turns, milliseconds

CHANNELS = 64
FLOAT = 4
"""Bytes."""


def written_out(queries: Tensor, latents: Tensor, values: Tensor) -> Tensor:
    """Return what `attended_mean` returns, as the formula says it."""
    similarity = torch.einsum("npc,nbc->nbp", queries, latents)
    return torch.einsum("nbp,nb->np", similarity.softmax(1), values)


def cases(settings: Settings) -> Iterator[Case]:
    """Yield time and memory for every number of bins, and how memory grows with them."""
    height, width = settings.choose(cpu=(256, 512), cuda=(256, 512), quick=(32, 32))
    numbers = settings.choose(cpu=(64, 256, 1024), cuda=(64, 256, 1024), quick=(16, 64))

    def both(bins: int) -> list[Callable[[], None]]:
        return [
            _both_ways(function, height * width, bins, settings.place)
            for function in (attended_mean, written_out)
        ]

    @cache
    def copies(bins: int) -> tuple[float, float]:
        one = FLOAT * bins * height * width
        ours, other = (_peak(run, settings.place) / one for run in both(bins))
        return ours, other

    for bins in numbers:
        yield Case(
            f"time, {bins} bins", "attended_mean, forward and backward",
            "softmax of einsum, written out", "ms",
            lambda bins=bins: milliseconds(in_turns(*both(bins), settings)), Goal("at most", 1.0),
        )  # fmt: skip
        yield Case(
            f"memory, {bins} bins", "attended_mean, forward and backward",
            "softmax of einsum, written out", "copies",
            lambda bins=bins: Samples(*([each] for each in copies(bins))), Goal("at most", 0.5),
        )  # fmt: skip

    def growth() -> Samples:
        taken = [copies(bins)[0] * bins for bins in numbers]
        return Samples(exponents(np.array(numbers), [taken]), [1.0])

    yield Case(
        "memory by bins", "fitted exponent", "linear", "exponent", growth, Goal("at most", 1.0)
    )


def _both_ways(
    function: Callable[..., Tensor], pixels: int, bins: int, device: torch.device
) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)
    given = [
        torch.randn(shape, generator=generator).to(device).requires_grad_()
        for shape in ((1, pixels, CHANNELS), (1, bins, CHANNELS), (1, bins))
    ]
    weight = torch.randn(1, pixels, generator=generator).to(device)

    def run() -> None:
        for each in given:
            each.grad = None
        function(*given).backward(weight)

    run.given = given
    return run


def _peak(run: Callable[[], None], device: torch.device) -> int:
    """Return the peak bytes above the inputs and their gradients."""
    run()
    for each in run.given:
        each.grad = None
    gradients = sum(each.untyped_storage().nbytes() for each in run.given)
    held = torch.cuda.memory_allocated(device) if device.type == "cuda" else gradients
    return peak_memory(run, run.given, device) - held - gradients
