"""Packing the data sets of a config, and running the config from what was packed."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from ..datasets import pack_dataset
from ..datasets.packed import INDEX, read_json
from ..errors import ConfigError
from .datasets import READING, named_datasets, source_of
from .loading import copied

CROPS = ("RandomCrop", "CenterCropTargets")
"""Transforms that only cut, and so may come before decoding."""


def pack_config(
    config: Config,
    folder: str,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
    **options: Any,
) -> list[str]:
    """Pack every data set of a config below a folder, and return what had to be left out.

    Args:
        config: as from `load_config`.
        folder: gets one folder a data set: train, val, ... (train-0, train-1 where sets are
            joined). Data sets that are the same (val and test) are packed once.
        progress: called with a data set's name, its finished samples and all of them.
        options: as in `pack_dataset`.

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
            progress=partial(_tell, progress, name, len(dataset)),
            **options,
        )
    if not names:
        raise ConfigError(f"{config.filename} has no data set of images and dense targets to pack.")
    return skipped


def _tell(progress: Callable[[str, int, int], None], name: str, total: int, done: int) -> None:
    progress(name, done, total)


def with_packed(config: Config, folder: str) -> Config:
    """Return a config that reads what `pack_config` wrote to `folder`, and nothing else changed.

    Raises:
        ConfigError: the folder was packed from other data than the config names.
        DataError: the folder is not packed to the end.
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
    """Return a pipeline that decodes targets after the crops that follow their loading.

    >>> [t['type'] for t in cropping_first([
    ...     dict(type='LoadTargets'), dict(type='RandomCrop', crop_size=(8, 8))])]
    ['LoadTargets', 'RandomCrop', 'DecodeTargets']
    """
    names = [transform["type"] for transform in pipeline]
    if "LoadTargets" not in names:
        return pipeline
    first = names.index("LoadTargets")
    end = first + 1
    while end < len(names) and names[end] in CROPS:
        end += 1
    if end == first + 1:
        return pipeline
    load = dict(pipeline[first], decode=False)
    decode = dict(type="DecodeTargets")
    return [*pipeline[:first], load, *pipeline[first + 1 : end], decode, *pipeline[end:]]
