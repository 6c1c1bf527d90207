"""How a training step grows with pixels, images, tasks and bins

Exponents of power laws that are fitted to time and memory of the default experiment's step; 1 is
linear, less is better. All sizes take turns in every repeat. Memory is the peak above weights and
optimizer state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import numpy as np
from mmengine.config import Config

from ..fit import exponents
from ..measurement import Goal
from ..row import Case, Samples
from ..settings import Settings
from ..steps import TrainingStep
from ..turns import seconds_of

CONFIG = "mtl_branched.py"
LINEAR = Goal("at most", 1.05)
"""Linear, and what a fit over a factor of 9 cannot tell from it."""


def cases(settings: Settings) -> Iterator[Case]:
    """Yield time and memory of each thing that grows."""
    for name, steps in _series(settings).items():
        series = cache(lambda steps=steps: {size: build() for size, build in steps.items()})

        def time(series: Callable[[], Mapping[int, TrainingStep]] = series) -> Samples:
            repeats = [
                [seconds_of(step, settings.place) for step in series().values()]
                for _ in range(settings.repeats + 1)
            ]
            return _fitted([*series()], repeats[1:], "s")

        def memory(series: Callable[[], Mapping[int, TrainingStep]] = series) -> Samples:
            peaks = [step.memory() / 1e6 for step in series().values()]
            return _fitted([*series()], [peaks], "MB")

        for what, measure in (("time", time), ("memory", memory)):
            yield Case(
                f"{what} by {name}", "fitted exponent", "linear", "exponent", measure, LINEAR
            )


def _fitted(sizes: list[int], repeats: list[list[float]], unit: str) -> Samples:
    found = exponents(np.array(sizes), repeats)
    medians = np.median(repeats, axis=0)
    note = ", ".join(
        f"{size}: {value:.3g} {unit}" for size, value in zip(sizes, medians, strict=True)
    )
    return Samples(found, [1.0] * len(found), f"Medians: {note}.")


def _series(settings: Settings) -> dict[str, dict[int, Callable[[], TrainingStep]]]:
    """Return of each thing that grows what builds its steps, by size."""
    sides = settings.choose(cpu=(128, 192, 256, 384), cuda=(256, 384, 512, 768), quick=(32, 64))
    images = settings.choose(cpu=(2, 4, 8), cuda=(4, 8, 16, 32), quick=(2, 4))
    tasks = settings.choose(cpu=(2, 3, 4, 6), cuda=(2, 3, 4, 6), quick=(2, 3))
    bins = settings.choose(cpu=(64, 256, 1024), cuda=(64, 256, 1024), quick=(16, 64))
    side = settings.choose(cpu=128, cuda=512, quick=32)
    batch = settings.choose(cpu=2, cuda=8, quick=2)

    def step(heads: Callable[[Config], dict], side: int = side, batch: int = batch) -> TrainingStep:
        config = settings.config(CONFIG)
        task_heads = heads(config)
        config.model.decode_head.task_heads = task_heads
        config.model.balancer = dict(type="FixedWeights", weights=dict.fromkeys(task_heads, 1.0))
        return TrainingStep(config, (side, side), batch, settings.place)

    return {
        "pixels": {a * a: lambda a=a: step(_usual, side=a) for a in sides},
        "images": {count: lambda count=count: step(_usual, batch=count) for count in images},
        "tasks": {count: lambda count=count: step(_tasks(count)) for count in tasks},
        "bins": {count: lambda count=count: step(_bins(count)) for count in bins},
    }


def _usual(config: Config) -> dict:
    return dict(config.model.decode_head.task_heads)


def _tasks(count: int) -> Callable[[Config], dict]:
    """Return heads of as many tasks: classes, depth and normals, and each again."""

    def heads(config: Config) -> dict:
        kinds = [*_usual(config).values(), dict(type="NormalsHead")]
        return {f"task{number}": kinds[number % 3] for number in range(count)}

    return heads


def _bins(count: int) -> Callable[[Config], dict]:
    """Return the heads with a depth of as many bins."""
    head = dict(type="AttentionBinsHead", num_bins=count, num_blocks=1, initial_depth=15.0)
    return lambda config: _usual(config) | dict(depth=head)
