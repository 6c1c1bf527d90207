"""Time two calls in turns, so that other load on the machine affects both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import torch

from .row import Samples
from .settings import Settings

SHORTEST = dict(cpu=0.02, cuda=0.3)
"""Shortest time to measure, in seconds: shorter calls are repeated. A GPU's queue must fill."""


def in_turns(
    ours: Callable[[], Any], other: Callable[[], Any], settings: Settings, note: str = ""
) -> Samples:
    """Time both calls in the order A B A B, after a turn of each that is not counted."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(settings.repeats + 1):
        for run, seconds in zip((ours, other), taken, strict=True):
            elapsed = seconds_of(run, settings.place)
            if turn:
                seconds.append(elapsed)
    return Samples(*taken, note)


def seconds_of(run: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds a call of repeated calls, including work that the device does later."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    collects = gc.isenabled()
    gc.disable()  # the garbage of earlier calls is not this one's
    try:
        count, begin = 0, time.perf_counter()
        while not count or time.perf_counter() - begin < SHORTEST[device.type]:
            run()
            count += 1
        wait()  # once: a training does not wait after each step either
        return (time.perf_counter() - begin) / count
    finally:
        if collects:
            gc.enable()


def per_second(samples: Samples, count: float = 1) -> Samples:
    """Convert seconds a call to items a second, with `count` items a call.

    >>> per_second(Samples([0.5], [2.0]), 4).ours
    [8.0]
    """
    ours, other = ([count / value for value in side] for side in (samples.ours, samples.other))
    return Samples(ours, other, samples.note)


def milliseconds(samples: Samples) -> Samples:
    """Convert seconds to milliseconds."""
    ours, other = ([1e3 * value for value in side] for side in (samples.ours, samples.other))
    return Samples(ours, other, samples.note)
