"""Data loading: packed against files and mmseg, and the time that a device waits for it

Street scenes of 512x1024, crops of 256x256, files and shards in the page cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from mmseg.structures import SegDataSample

from mtl_plugins.data_tools import folder_bytes
from mtl_plugins.datasets.transforms import PhotometricJitter

from ..measurement import Goal
from ..row import Case, Samples
from ..scenes import MMSEG_LOADING, Scenes, scenes
from ..settings import Settings
from ..turns import in_turns, milliseconds, per_second, seconds_of
from .step import Trainings

FILES = [dict(type="LoadImage"), dict(type="LoadTargets")]
PACKED = [dict(type="LoadImage"), dict(type="LoadTargets", decode=False)]
DECODE = dict(type="DecodeTargets")
ON_CPU = [dict(type="FlipTargets", prob=0.5), dict(type="PhotoMetricDistortion")]
ON_DEVICE: list[dict[str, Any]] = [
    dict(type="FlipTargets", prob=0.5, on_device=True),
    dict(type="PhotometricJitter"),
]
MMSEG_ON_CPU = [dict(type="RandomFlip", prob=0.5), dict(type="PhotoMetricDistortion")]
PACK, MMSEG_PACK = dict(type="PackTargets"), dict(type="PackSegInputs")
MMSEG = "mmseg, files"


def cases(settings: Settings) -> Iterator[Case]:
    """Yield the ways to load, their disk space, the preprocessor, and the waiting."""
    size = settings.choose(cpu=(512, 1024), cuda=(512, 1024), quick=(64, 128))
    crop = settings.choose(cpu=(256, 256), cuda=(256, 256), quick=(32, 32))
    data = scenes(settings, settings.choose(cpu=16, cuda=32, quick=2), size)
    measured = cache(lambda: _seconds(_ways(data, crop), data.count, settings))

    def loading(way: str, kind: str) -> Samples:
        taken = measured()
        return per_second(Samples(taken[way, kind], taken[MMSEG, kind]))

    crops, all_of_them = "crop", "crop, flip, colours"
    for way, kind in (
        ("files", crops),
        ("packed", crops),
        ("files", all_of_them),
        ("packed", all_of_them),
        ("packed, on the device", all_of_them),
    ):
        yield Case(
            f"{way}: {kind}", f"our pipeline, {way}, one core", "mmseg's pipeline, files, one core",
            "samples/s", partial(loading, way, kind),
            Goal("at least", 20.0 if kind == "crop" else 5.0) if way != "files" else None,
        )  # fmt: skip

    def disk() -> Samples:
        packed = folder_bytes(data.packed["data_root"]) / data.count
        folders = [os.path.join(data.root, name) for name in ("rgb", "label", "depth")]
        files = sum(map(folder_bytes, folders)) / (data.count + 1)
        return Samples([packed / 1e6], [files / 1e6])

    yield Case("disk", "a sample packed", "a sample as files", "MB", disk)

    def preprocessing() -> Samples:
        batch = settings.choose(cpu=16, cuda=64, quick=2)
        plain, augmented = (_preprocessing(settings, crop, batch, each) for each in (False, True))
        return per_second(in_turns(augmented, plain, settings), batch)

    yield Case(
        "preprocessor", "normalised, with flips and colours", "normalised", "images/s",
        preprocessing,
    )  # fmt: skip
    trainings = Trainings(settings)

    def waiting() -> Samples:
        taken = [trainings.ours() for _ in range(settings.repeats)]
        cores = f"{os.cpu_count()} cores, {trainings.workers} workers."
        return milliseconds(
            Samples(
                [each.waiting / trainings.iterations for each in taken],
                [each.seconds / trainings.iterations for each in taken],
                cores,
            )
        )

    yield Case(
        "waiting", "time that the runner waits for a batch of packed data",
        "the whole training step", "ms", waiting,
        Goal("at most", 0.02) if settings.device == "cuda" else None,
    )  # fmt: skip


def _ways(data: Scenes, crop: tuple[int, int]) -> dict[tuple[str, str], Any]:
    """Build the data set of every way to load, by name and augmentation."""
    init_default_scope("mmseg")
    cut = dict(type="RandomCrop", crop_size=crop)
    pipelines = {
        (MMSEG, "crop"): (data.mmseg, [*MMSEG_LOADING, cut, MMSEG_PACK]),
        ("files", "crop"): (data.files, [*FILES, cut, PACK]),
        ("packed", "crop"): (data.packed, [*PACKED, cut, DECODE, PACK]),
        (MMSEG, "crop, flip, colours"): (
            data.mmseg,
            [*MMSEG_LOADING, cut, *MMSEG_ON_CPU, MMSEG_PACK],
        ),
        ("files", "crop, flip, colours"): (data.files, [*FILES, cut, *ON_CPU, PACK]),
        ("packed", "crop, flip, colours"): (data.packed, [*PACKED, cut, DECODE, *ON_CPU, PACK]),
        ("packed, on the device", "crop, flip, colours"): (
            data.packed,
            [*PACKED, cut, DECODE, *ON_DEVICE, PACK],
        ),
    }
    return {
        way: DATASETS.build(dict(source, pipeline=pipeline))
        for way, (source, pipeline) in pipelines.items()
    }


def _seconds(
    ways: dict[tuple[str, str], Any], count: int, settings: Settings
) -> dict[tuple[str, str], list[float]]:
    """Time a sample of every way on one core; the ways take turns."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    taken: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for turn in range(settings.repeats + 1):
        for way, dataset in ways.items():
            np.random.seed(turn)

            def load(dataset: Any = dataset) -> None:
                pseudo_collate([dataset[index] for index in range(count)])

            seconds = seconds_of(load, torch.device("cpu")) / count
            # The first turn fills caches and decoding tables.
            if turn:
                taken[way].append(seconds)
    torch.set_num_threads(threads)
    return taken


def _preprocessing(
    settings: Settings, crop: tuple[int, int], batch: int, augmented: bool
) -> Callable[[], None]:
    """Return a call that prepares a batch on the device."""
    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor")).to(settings.place)
    images = [torch.randint(0, 256, (3, *crop), dtype=torch.uint8) for _ in range(batch)]
    jitter = PhotometricJitter()
    samples = [SegDataSample() for _ in images]
    for number, sample in enumerate(samples if augmented else []):
        direction = "horizontal" if number % 2 else None
        sample.set_metainfo(dict(jitter({}), device_flip=direction))
    return lambda: preprocessor(dict(inputs=images, data_samples=samples), training=True)
