"""The data sets of a config: name, build and pack them, and read their test pipeline."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import takewhile
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from ..datasets import DenseDataset, pack_dataset
from ..datasets.packed import INDEX, read_json
from ..errors import ConfigError
from .building import building
from .data import read_literal
from .loading import copied

SPLITS = ("train", "val", "test")

READING = {"pipeline", "test_mode", "on_bad_sample", "check_files", "serialize_data", "lazy_init"}
"""Arguments of a data set that say how samples are read, not which samples they are."""

CROPS = ("RandomCrop", "CenterCropTargets")
"""Transforms that only crop, and so may precede decoding."""

PACK = dict(type="PackTargets")


def build_dataset(config: Config, split: str) -> BaseDataset:
    """Build the data set of a split ("train", "val" or "test") as a config describes it."""
    check_split(config, split)
    init_default_scope(config.get("default_scope", "mmseg"))
    with building(config):
        return DATASETS.build(config[f"{split}_dataloader"].dataset)


def check_split(config: Config, split: str) -> None:
    """Raise a `ConfigError` if a config has no data for this split."""
    if not config.get(f"{split}_dataloader"):
        raise ConfigError(
            f"{config.filename} has no {split}_dataloader; name the data of this split in it."
        )


def named_datasets(config: Config) -> Iterator[tuple[str, str, dict]]:
    """Yield (split, name, config) of every data set of a config; equal data have equal names.

    The name is that of the first split with the data, plus a number if the split joins several
    data sets.
    """
    names: dict[str, str] = {}
    for split in SPLITS:
        loader = config.get(f"{split}_dataloader")
        leaves = [*dataset_nodes(loader["dataset"])] if loader else []
        for number, node in enumerate(leaves):
            name = split if len(leaves) == 1 else f"{split}-{number}"
            yield split, names.setdefault(json.dumps(source_of(node), sort_keys=True), name), node


def dataset_nodes(node: dict) -> Iterator[dict]:
    """Yield the data sets of this toolkit inside a data set's config."""
    for leaf in leaf_nodes(node):
        registered = DATASETS.get(leaf["type"])
        if isinstance(registered, type) and issubclass(registered, DenseDataset):
            yield leaf


def opened(node: Mapping[str, Any]) -> DenseDataset:
    """Open a data set as far as its config says what it is, without reading a sample.

    Raises:
        DataError: a list of samples cannot be read.
    """
    return DATASETS.build(dict(node, pipeline=[], lazy_init=True))


def leaf_nodes(node: dict) -> Iterator[dict]:
    """Yield the data sets inside a data set's config that join or repeat no others."""
    inside = [node["dataset"]] if "dataset" in node else node.get("datasets", [])
    for inner in inside:
        yield from leaf_nodes(inner)
    if not inside:
        yield node


def wrapper_nodes(node: dict) -> Iterator[dict]:
    """Yield the data sets inside a data set's config that join or repeat others."""
    inside = [node["dataset"]] if "dataset" in node else node.get("datasets", [])
    if inside:
        yield node
    for inner in inside:
        yield from wrapper_nodes(inner)


def source_of(node: dict) -> dict:
    """Return the part of a data set's config that says which samples it has, as JSON types."""
    source = {key: value for key, value in dict(node).items() if key not in READING}
    return json.loads(json.dumps(_with_pairs(source)))


def _with_pairs(value: Any) -> Any:
    """Replace each dict with keys that JSON does not allow (values of a label_map) by pairs.

    >>> _with_pairs({'(7, 7, 7)': 0}), _with_pairs({26: 1}) == _with_pairs({'26': 1})
    ([((7, 7, 7), 0)], True)
    """
    if isinstance(value, Mapping):
        pairs = [(_literal(key), _with_pairs(each)) for key, each in value.items()]
        return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else pairs
    if isinstance(value, (list, tuple)):
        return [_with_pairs(each) for each in value]
    return value


def _literal(key: Any) -> Any:
    """Parse a number or colour that is the key of a dict, and in JSON a text."""
    is_number = isinstance(key, str) and re.fullmatch(r"-?\d+|\([\d, ]+\)", key)
    return read_literal(key) if is_number else key


def image_transforms(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the test pipeline without the transforms that read files.

    The rest, such as a `Resize`, applies to an image in memory too. A config without test data
    gives the pipeline of its validation; one without either packs the image and nothing else.

    >>> pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]
    >>> image_transforms(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    [{'type': 'PackTargets'}]
    """
    loaders = (config.get(f"{split}_dataloader") for split in ("test", "val"))
    pipelines = (_pipeline(loader.get("dataset")) for loader in loaders if loader)
    pipeline = next((found for found in pipelines if found is not None), [PACK])
    return [dict(transform) for transform in pipeline if not _reads(transform["type"])]


def _pipeline(dataset: Any) -> list[dict[str, Any]] | None:
    """Return the pipeline of a data set, or of the first one inside that has a pipeline."""
    if isinstance(dataset, (list, tuple)):
        return next((found for found in map(_pipeline, dataset) if found is not None), None)
    if not isinstance(dataset, Mapping):
        return None
    if dataset.get("pipeline") is not None:
        return dataset["pipeline"]
    return _pipeline(dataset.get("dataset", dataset.get("datasets")))


def _reads(kind: str) -> bool:
    """Return whether a transform reads or decodes a file; mmseg's are named `Load...`."""
    return kind.startswith("Load") or kind == "DecodeTargets"


def pack_config(
    config: Config,
    folder: str,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
    **options: Any,
) -> list[str]:
    """Pack every data set of a config below a folder.

    Args:
        config: as from `load_config`.
        folder: gets one folder per data set: train, val, ... (train-0, train-1 for joined sets).
            Equal data sets (val and test) are packed once.
        progress: called with a data set's name and the numbers of its finished and all samples.
        options: as in `pack_dataset`.

    Returns:
        The samples that were left out; see `pack_dataset`.

    Raises:
        ConfigError: the config has no data set that can be packed.
        DataError: a sample cannot be read.
    """
    init_default_scope(config.get("default_scope", "mmseg"))
    skipped, names = [], set()
    for _, name, node in named_datasets(config):
        if name in names:
            continue
        names.add(name)
        dataset = DATASETS.build(dict(node, pipeline=[]))
        skipped += pack_dataset(
            dataset,
            os.path.join(folder, name),
            source_of(node),
            progress=partial(_report, progress, name, len(dataset)),
            **options,
        )
    if not names:
        raise ConfigError(f"{config.filename} has no data set of images and dense targets to pack.")
    return skipped


def _report(progress: Callable[[str, int, int], None], name: str, total: int, done: int) -> None:
    progress(name, done, total)


def with_packed(config: Config, folder: str) -> Config:
    """Return a copy of a config that reads its data from the `folder` of `pack_config`.

    Raises:
        ConfigError: the folder was packed from other data than the config names.
        DataError: the folder was not packed completely.
    """
    config = copied(config)
    for _, name, node in [*named_datasets(config)]:
        path = os.path.join(folder, name)
        packed, wanted = read_json(os.path.join(path, INDEX))["source"], source_of(node)
        if packed != wanted:
            keys = sorted(k for k in {*packed, *wanted} if packed.get(k) != wanted.get(k))
            raise ConfigError(
                f"{path} was packed from another data set than that of {config.filename}: "
                + "; ".join(f"{k} was {packed.get(k)!r}, is {wanted.get(k)!r}" for k in keys)
                + ". Pack the data of this config with tools/pack_data.py."
            )
        kept = {key: node[key] for key in READING & set(node) - {"check_files"}}
        node.clear()
        node.update(kept, type="PackedDataset", data_root=path)
        node["pipeline"] = cropping_first(kept.get("pipeline", []))
    return config


def cropping_first(pipeline: list[dict]) -> list[dict]:
    """Return a pipeline that decodes targets only after the crops that follow their loading.

    >>> [t['type'] for t in cropping_first([
    ...     dict(type='LoadTargets'), dict(type='RandomCrop', crop_size=(8, 8))])]
    ['LoadTargets', 'RandomCrop', 'DecodeTargets']
    """
    names = [transform["type"] for transform in pipeline]
    first = names.index("LoadTargets") if "LoadTargets" in names else len(names)
    crops = list(takewhile(lambda transform: transform["type"] in CROPS, pipeline[first + 1 :]))
    if not crops:
        return pipeline
    load, rest = dict(pipeline[first], decode=False), pipeline[first + 1 + len(crops) :]
    return [*pipeline[:first], load, *crops, dict(type="DecodeTargets"), *rest]
