"""A look at some samples of the training data, before training."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..datasets import DenseDataset, LoadImage, LoadTargets, leaf_of
from ..targets import targets_in
from ..utils import spread_evenly
from .check import check_sample
from .findings import TWIN, PartStatistics, SampleCheck
from .tallies import ClassTally

SAMPLES = 32
"""Number of samples that are read."""

LABELS = 256
"""Number of samples whose labels are read, if a class is in none of the others."""


def glance(dataset: Any, samples: int = SAMPLES, labels: int = LABELS) -> PartStatistics:
    """Count the values in some samples of a data set, evenly spaced and without augmentation.

    Labels that lack a class are read of further samples, until each class was found. Samples that
    cannot be read, and data sets of other libraries, are left out; `unreadable` of the result says
    why the first image with `on_bad_sample="raise"` cannot be read.

    Args:
        dataset: one of this toolkit, or several joined.
        samples, labels: numbers of samples.
    """
    total = len(dataset)
    targets = [*targets_in(getattr(dataset, "metainfo", None)).values()]

    @cache
    def loaders(leaf: DenseDataset) -> tuple[LoadImage, LoadTargets]:
        return _reader(leaf, LoadImage), _reader(leaf, LoadTargets)

    def check(index: int, *only: str) -> SampleCheck:
        leaf, inner = leaf_of(dataset, index)
        # mmseg's MultiImageMixDataset has the samples of the one inside.
        leaf = leaf if isinstance(leaf, DenseDataset) else getattr(leaf, "dataset", None)
        if not isinstance(leaf, DenseDataset):
            return SampleCheck(f"sample {index}")
        sample = check_sample(leaf, inner, *loaders(leaf), only)
        if _ends_training(leaf, sample) and not only:
            statistics.unreadable = statistics.unreadable or sample.problems[0][1]
        return sample

    first = spread_evenly(samples, total) if total else set()
    steps = getattr(getattr(leaf_of(dataset, 0)[0], "pipeline", None), "transforms", ())
    statistics = PartStatistics(targets, {type(step).__name__ for step in steps})
    # Without threads: OpenCV takes a lock when one ends. A loader's worker that is forked just then
    # would wait for it forever.
    for index in sorted(first):
        statistics.add(check(index))
    tallies = statistics.tallies

    def lacking() -> list[str]:
        return [
            n for n, t in tallies.items() if isinstance(t, ClassTally) and t.maps and t.absent()
        ]

    for index in sorted(spread_evenly(labels, total) - first):
        if not (names := lacking()):
            break
        sample = check(index, *names)
        for name, values in sample.targets.items():
            tallies[name].add(values, sample.files[name])
    return statistics


def suspicious(found: PartStatistics, total: int) -> list[str]:
    """Return a sentence for each finding that concerns a target, or half of the images.

    Args:
        found: from `glance`.
        total: number of samples of the data set.
    """
    texts = [
        found.summary(name, files)
        for name, files in found.alike().items()
        if name != TWIN and files and 2 * len(files) >= found.samples
    ]
    for tally in found.tallies.values():
        read = "" if found.samples == total else f" (Read: {tally.maps} of {total} samples.)"
        texts += [text + read for text in tally.suspicions()]
    return texts


def _ends_training(dataset: DenseDataset, sample: SampleCheck) -> bool:
    """Return whether a training on a data set stops at a sample whose image is not as expected."""
    reads = any(isinstance(t, LoadImage) for t in dataset.pipeline.transforms)
    damaged = sample.image is None and bool(sample.problems)
    return damaged and reads and dataset.on_bad_sample == "raise"


def _reader(dataset: DenseDataset, kind: type) -> Any:
    """Return a loading transform that reads from where the one of the data set's pipeline does."""
    own = next((t for t in dataset.pipeline.transforms if isinstance(t, kind)), None)
    transform = kind(backend_args=getattr(own, "backend_args", None))
    transform.read_from(dataset)
    return transform
