"""Evaluation from arrays to metrics, against mmseg with the same networks

mmseg needs a model for classes (EncoderDecoder, IoUMetric) and one for depth (DepthEstimator,
DepthMetric), and its test-time augmentation (SegTTAModel) supports classes only. Images are random.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

from ..evaluations import random_samples, ways
from ..measurement import Goal
from ..row import Case, Samples
from ..settings import Settings
from ..turns import in_turns, per_second


def cases(settings: Settings) -> Iterator[Case]:
    """Yield speed and memory of each evaluation."""
    size = settings.choose(cpu=(1024, 2048), cuda=(1024, 2048), quick=(64, 64))
    count = settings.choose(cpu=2, cuda=8, quick=1)
    samples = random_samples(count, size)
    pairs = cache(lambda: ways(settings.device))

    def speed(name: str) -> Samples:
        ours, other = pairs()[name]
        taken = in_turns(lambda: ours.run(samples), lambda: other.run(samples), settings)
        return per_second(taken, count)

    def memory(name: str) -> Samples:
        ours, other = (each.peak(samples, settings.place) / 1e6 for each in pairs()[name])
        return Samples([ours], [other], "Peak of one run, above the weights.")

    for name in ("classes and depth", "classes, 3 scales, mirrored"):
        what = f"our evaluation of images of {size[0]}x{size[1]}"
        yield Case(name, what, "mmseg's", "images/s", partial(speed, name), Goal("at least", 2.0))
        yield Case(
            f"{name}: memory", what, "mmseg's", "MB", partial(memory, name),
            Goal("at most", 0.25),
        )  # fmt: skip
