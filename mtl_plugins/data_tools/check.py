"""Read every sample of a config's data and check it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from ..config import SPLITS, named_datasets
from ..datasets import (
    DenseDataset,
    LoadImage,
    LoadTargets,
    PackedDataset,
    image_breach,
    target_breach,
)
from ..datasets.files import shown_colours
from ..datasets.packed import verify_packed
from ..errors import ConfigError, MTLError
from ..targets import Target
from ..utils import spread_evenly
from ..visualization import SheetSample
from .findings import DataCheck, PartCheck, PartStatistics, SampleCheck, suspect_leaks, suspect_part

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
Draw = Callable[[PartCheck, list[SheetSample]], None]

SHEET_SAMPLES = 8
"""Number of samples of each data set that are drawn."""


def check_data(
    config: Config,
    splits: Sequence[str] = SPLITS,
    workers: int = 4,
    progress: Progress = lambda name, done, total: None,
    draw: Draw = lambda part, samples: None,
) -> DataCheck:
    """Read every sample of a config's data and collect all problems.

    Nothing is written, rendered or augmented. Data that several splits share is read once. Each
    file is checked separately: a problem does not hide others.

    Args:
        config: as from `load_config`.
        splits: splits to check, "train", "val" or "test"; those missing in the config are skipped.
        workers: number of threads that read files.
        progress: called with the name of a data set, its finished samples and all its samples.
        draw: called with each data set and some of its samples, evenly spaced.

    Raises:
        ConfigError: the config has none of the splits.
    """
    init_default_scope(config.get("default_scope", "mmseg"))
    parts: dict[str, PartCheck] = {}
    nodes: dict[str, dict] = {}
    foreign: list[PartCheck] = []
    for split, name, node in named_datasets(config):
        if split not in splits:
            continue
        nodes.setdefault(name, node)
        root = node.get("data_root") or name
        part = parts.setdefault(name, PartCheck(name, [], node["type"], root))
        if split not in part.splits:
            part.splits.append(split)
    for split in splits:
        loader = config.get(f"{split}_dataloader")
        if loader and not any(split in part.splits for part in parts.values()):
            node = loader["dataset"]
            part = PartCheck(split, [split], node["type"], node.get("data_root") or split)
            part.problem(
                part.root,
                f"{node['type']} is no data set of this toolkit and cannot be checked. Use "
                "MultiTaskDataset, or leave its split out with --split.",
            )
            foreign.append(part)
    if not parts and not foreign:
        raise ConfigError(
            f"{config.filename} has no data for {', '.join(splits)}; choose another split."
        )
    for name, part in parts.items():
        _check_part(part, nodes[name], workers, progress, draw)
    suspect_leaks([*parts.values()])
    return DataCheck([*parts.values(), *foreign])


def _check_part(part: PartCheck, node: dict, workers: int, progress: Progress, draw: Draw) -> None:
    """Open a data set and read its samples; record the findings in `part`."""
    registered = DATASETS.get(node["type"])
    if issubclass(registered, PackedDataset):
        for file, text in verify_packed(node["data_root"]):
            part.problem(file, text)
    try:
        dataset = DATASETS.build(
            dict(node, pipeline=[], test_mode=True, lazy_init=False, **registered.CHECKING)
        )
    except MTLError as error:
        # `verify_packed` has reported missing shards already.
        if str(error) not in [found.text for found in part.problems]:
            part.problem(part.root, str(error))
        return
    _walk(part, dataset, node, workers, progress, draw)
    for path in getattr(dataset, "unpaired_files", list)():
        part.problem(path, f"{path} belongs to no image. Add the image or take the file away.")
    for path in getattr(dataset, "left_out_files", list)():
        text = f"{path} is left out: it is hidden, or img_suffix lacks its ending."
        part.warn(path, text)
    suspect_part(part)


def _walk(
    part: PartCheck, dataset: DenseDataset, node: dict, workers: int, progress: Progress, draw: Draw
) -> None:
    """Read all samples of a data set; record findings and statistics, and draw some samples."""
    pipeline = {transform["type"] for transform in node.get("pipeline") or ()}
    statistics = PartStatistics(dataset.targets(), pipeline)
    part.statistics = statistics
    total = len(dataset)
    drawn: list[SheetSample] = []
    chosen = spread_evenly(SHEET_SAMPLES, total)
    load = LoadImage(**_reading(node, "LoadImage")), LoadTargets(**_reading(node, "LoadTargets"))
    for transform in load:
        transform.read_from(dataset)

    def check(index: int) -> SampleCheck:
        return check_sample(dataset, index, *load)

    progress(part.name, 0, total)
    for index, sample in enumerate(read_ahead(check, range(total), workers)):
        statistics.add(sample)
        for file, text in sample.problems:
            part.problem(file, text)
        if index in chosen:
            broken = [text for _, text in sample.problems]
            drawn.append(
                SheetSample.shrunk(sample.path, _shown(sample.image), sample.targets, broken)
            )
        progress(part.name, index + 1, total)
    draw(part, drawn)


def _reading(node: dict, name: str) -> dict[str, Any]:
    """Return the `backend_args` of a loading transform of the config, as keyword arguments."""
    for transform in node.get("pipeline") or ():
        if transform["type"] == name and "backend_args" in transform:
            return dict(backend_args=transform["backend_args"])
    return {}


def read_ahead(
    check: Callable[[int], SampleCheck], indices: Iterable[int], workers: int
) -> Iterator[SampleCheck]:
    """Yield the checks of samples in order, reading a few ahead in threads."""
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[SampleCheck]] = deque()
        for index in indices:
            pending.append(pool.submit(check, index))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def check_sample(
    dataset: DenseDataset,
    index: int,
    load_image: LoadImage,
    load_targets: LoadTargets,
    only: Collection[str] = (),
) -> SampleCheck:
    """Read the image and each target of a sample separately and check their values.

    Args:
        dataset, index: where the sample is.
        load_image, load_targets: read it.
        only: names of targets; they alone are read, and no image.
    """
    check = SampleCheck(path=f"sample {index}")
    info = _guarded(check, check.path, lambda: dataset.get_data_info(index))
    if info is None:
        return check
    check.path = info["img_path"]
    if not only:
        loaded = _guarded(check, check.path, lambda: load_image.transform(dict(info)))
        if loaded is not None:
            _check_image(check, loaded["img"], dataset)
    size = None if check.image is None else check.image.shape[:2]
    for target in dataset.targets():
        if target.path not in info or (only and target.name not in only):
            continue
        path = info[target.path]
        array = _guarded(check, path, partial(_load, info, target, size, load_targets))
        if array is not None:
            _check_target(check, target, path, array)
    return check


def _guarded(check: SampleCheck, path: str, read: Callable[[], T]) -> T | None:
    """Return the result of a function, or record its exception as a problem."""
    try:
        return read()
    except MTLError as error:
        check.problems.append((path, str(error)))
    # Formats and data sets of plugins may raise anything; the check continues.
    except Exception as error:
        check.problems.append((path, f"{path} cannot be read: {type(error).__name__}: {error}"))
    return None


def _load(
    info: dict, target: Target, size: tuple[int, int] | None, load_targets: LoadTargets
) -> np.ndarray:
    """Read and decode one target without the others."""
    results = {**info, "targets": [target], "ori_shape": size, "seg_fields": []}
    return load_targets.transform(results)[target.array]


def _check_image(check: SampleCheck, image: np.ndarray, dataset: DenseDataset) -> None:
    breach = image_breach(image, dataset.image_channels, dataset.keeps_levels)
    if breach:
        check.problems.append((check.path, f"{check.path} {breach}."))
        return
    check.image = image
    check.digest = hashlib.blake2b(repr(image.shape).encode() + image.tobytes()).digest()
    mean, std = cv2.meanStdDev(image)
    check.moments = np.stack([mean[:, 0], mean[:, 0] ** 2 + std[:, 0] ** 2])
    # Of more than 8 bits, several levels count as one.
    shown = image.ravel().astype(np.uint8, copy=False)
    check.levels = int((cv2.calcHist([shown], [0], None, [256], [0, 256]) > 0).sum())


def _shown(image: np.ndarray | None) -> np.ndarray | None:
    return None if image is None else shown_colours(image)


def _check_target(check: SampleCheck, target: Target, path: str, array: np.ndarray) -> None:
    breach = target_breach(target, array)
    if breach:
        check.problems.append((path, f"{path} {breach}. Correct the file or its format."))
        return
    check.targets[target.name] = array
    check.files[target.name] = path
