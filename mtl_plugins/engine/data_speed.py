"""How fast one core loads samples: from files as mmseg does, from files, and packed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from rich.console import Console
from rich.table import Table

from ..datasets import pack_dataset
from ..datasets.street_scenes import DEPTH_SCALE
from ..progress import track
from .packing_report import folder_bytes

FILES = [dict(type="LoadImage"), dict(type="LoadTargets")]
PACKED = [dict(type="LoadImage"), dict(type="LoadTargets", decode=False)]
ON_CPU = [dict(type="FlipTargets", prob=0.5), dict(type="PhotoMetricDistortion")]
ON_DEVICE = [dict(type="FlipTargets", prob=0.5, on_device=True), dict(type="PhotometricJitter")]
PACK = dict(type="PackTargets")


def data_sets(
    root: str, scenes: dict, crop: Sequence[int]
) -> dict[tuple[str, str], tuple[Any, bool]]:
    """Return every way to load the training split, by name and augmentation.

    The second of each value says whether it is what the others are compared with.
    """
    init_default_scope("mmseg")
    cut = dict(type="RandomCrop", crop_size=tuple(crop))
    files = dict(type="StreetScenesDataset", data_root=root, split="train", **scenes)
    packed = os.path.join(root, "packed")
    pack_dataset(DATASETS.build(dict(files, pipeline=[])), packed, dict(scenes))
    mmseg = dict(
        type="BaseSegDataset",
        data_root=root,
        data_prefix=dict(
            img_path="rgb/train", seg_map_path="label/train", depth_map_path="depth/train"
        ),
    )
    load = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadAnnotations"),
        dict(type="LoadDepthAnnotation", depth_rescale_factor=1 / DEPTH_SCALE),
    ]
    flip = [dict(type="RandomFlip", prob=0.5), dict(type="PhotoMetricDistortion")]
    in_shards = dict(type="PackedDataset", data_root=packed)
    decode = dict(type="DecodeTargets")
    crops, all_of_them = "crop", "crop, flip, colours"
    return {
        ("mmseg, files", crops): _built(mmseg, [*load, cut, dict(type="PackSegInputs")]),
        ("files", crops): _built(files, [*FILES, cut, PACK]),
        ("packed", crops): _built(in_shards, [*PACKED, cut, decode, PACK]),
        ("mmseg, files", all_of_them): _built(
            mmseg, [*load, cut, *flip, dict(type="PackSegInputs")]
        ),
        ("files", all_of_them): _built(files, [*FILES, cut, *ON_CPU, PACK]),
        ("packed", all_of_them): _built(in_shards, [*PACKED, cut, decode, *ON_CPU, PACK]),
        ("packed, device", all_of_them): _built(
            in_shards, [*PACKED, cut, decode, *ON_DEVICE, PACK]
        ),
    }


def _built(dataset: dict, pipeline: list[dict]) -> tuple[Any, bool]:
    built = DATASETS.build(dict(dataset, pipeline=pipeline))
    if dataset["type"] == "BaseSegDataset":
        _add_depth_paths(built)
    return built, dataset["type"] == "BaseSegDataset"


def _add_depth_paths(dataset: Any) -> None:
    """Name the depth files, which mmseg's base data set does not know of."""
    load = dataset.get_data_info
    folder = dataset.data_prefix["depth_map_path"]

    def with_depth(index: int) -> dict:
        info = load(index)
        name = os.path.splitext(os.path.basename(info["img_path"]))[0]
        return dict(info, depth_map_path=os.path.join(folder, name + ".png"))

    dataset.get_data_info = with_depth


def measure_data_speed(
    root: str, scenes: dict, crop: Sequence[int], repeats: int, batch: int = 8
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return samples/s of one core and the ratio to mmseg's pipeline, for each way to load.

    All ways take turns over the whole split, so that a slower spell of the machine meets all of
    them; medians over the turns. Files and shards are in the page cache.

    Args:
        root: where the scenes are, or are rendered.
        scenes: counts, size and seed of StreetScenes.
        crop: (height, width) of the crops.
        repeats: turns.
        batch: samples that are collated together.
    """
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    ways = data_sets(root, scenes, crop)
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in ways}
    for turn in track(range(repeats + 1), "loading, in turns"):
        for key, (dataset, _) in ways.items():
            np.random.seed(turn)
            begin = time.perf_counter()
            for first in range(0, len(dataset), batch):
                members = range(first, min(first + batch, len(dataset)))
                pseudo_collate([dataset[index] for index in members])
            # The first turn fills caches and decoding tables.
            if turn:
                seconds[key].append((time.perf_counter() - begin) / len(dataset))
    speeds = {key: 1 / median(taken) for key, taken in seconds.items()}
    peers = {key[1]: speeds[key] for key, (_, is_peer) in ways.items() if is_peer}
    return {key: (speed, speed / peers[key[1]]) for key, speed in speeds.items()}


def preprocessing_speed(device: str, crop: Sequence[int], batch: int = 64) -> tuple[float, float]:
    """Return images/s that a device prepares: normalised, and with flips and colours as well."""
    from mmseg.structures import SegDataSample

    from ..datasets.transforms import PhotometricJitter

    preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor")).to(device)
    images = [torch.randint(0, 256, (3, *crop), dtype=torch.uint8) for _ in range(batch)]
    jitter, speeds = PhotometricJitter(), []
    for augmented in (False, True):
        samples = [SegDataSample() for _ in images]
        for number, sample in enumerate(samples if augmented else []):
            direction = "horizontal" if number % 2 else None
            sample.set_metainfo(dict(jitter({}), device_flip=direction))
        taken = []
        for _ in range(5):
            begin = time.perf_counter()
            preprocessor(dict(inputs=images, data_samples=samples), training=True)
            if device == "cuda":
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - begin)
        speeds.append(batch / median(taken))
    return speeds[0], speeds[1]


def report_data_speed(
    root: str, scenes: dict, crop: Sequence[int], repeats: int, device: str
) -> None:
    """Measure, and print the table, the disk sizes and the device's share."""
    height, width = scenes["size"]
    table = Table(title=f"one core: {height}x{width} files to {crop[0]}x{crop[1]} crops")
    for name in ("data", "augmentation", "samples/s", "times mmseg"):
        table.add_column(name, justify="left" if name in ("data", "augmentation") else "right")
    for (name, kind), (speed, ratio) in measure_data_speed(root, scenes, crop, repeats).items():
        table.add_row(name, kind, f"{speed:.0f}", f"{ratio:.1f}")
    console = Console()
    console.print(table)
    files = sum(folder_bytes(os.path.join(root, name)) for name in ("rgb", "label", "depth"))
    count, total = scenes["counts"]["train"], sum(scenes["counts"].values())
    packed = folder_bytes(os.path.join(root, "packed"))
    console.print(
        f"disk: {files / total / 1e6:.2f} MB a sample as files, "
        f"{packed / count / 1e6:.2f} MB packed ({packed / count / (files / total):.1f} times)"
    )
    plain, augmented = preprocessing_speed(device, crop)
    console.print(
        f"preprocessor on {device}: {plain:.0f} images/s normalised, {augmented:.0f} with flips "
        "and colours"
    )
