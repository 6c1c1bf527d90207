"""The data sets that a config names."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from ..datasets import DenseDataset
from ..errors import ConfigError

SPLITS = ("train", "val", "test")

READING = {"pipeline", "test_mode", "on_bad_sample", "check_files", "serialize_data", "lazy_init"}
"""Arguments that say how samples are read, not which they are."""


def source_of(node: dict) -> dict:
    """Return what a data set's config says of its samples, as JSON has it."""
    source = {key: value for key, value in dict(node).items() if key not in READING}
    # Colours may be keys of label_map, which JSON has no way to write.
    if isinstance(source.get("label_map"), dict):
        source["label_map"] = [[key, value] for key, value in source["label_map"].items()]
    return json.loads(json.dumps(source))


def named_datasets(config: Config) -> Iterator[tuple[str, str, dict]]:
    """Yield (split, name, config) of every data set of a config, the same name for the same data.

    A name is that of the first split with the data, and a number where the split joins several.
    """
    names: dict[str, str] = {}
    for split in SPLITS:
        loader = config.get(f"{split}_dataloader")
        leaves = [*_leaves(loader["dataset"])] if loader else []
        for number, node in enumerate(leaves):
            name = split if len(leaves) == 1 else f"{split}-{number}"
            yield split, names.setdefault(json.dumps(source_of(node), sort_keys=True), name), node


def _leaves(node: dict) -> Iterator[dict]:
    """Yield the data sets of this toolkit that a data set's config is made of."""
    registered = DATASETS.get(node["type"])
    if isinstance(registered, type) and issubclass(registered, DenseDataset):
        yield node
    for inner in [node["dataset"]] if "dataset" in node else node.get("datasets", []):
        yield from _leaves(inner)


def build_dataset(config: Config, split: str) -> BaseDataset:
    """Build the data set of a split ("train", "val" or "test") as a config describes it."""
    check_split(config, split)
    init_default_scope(config.get("default_scope", "mmseg"))
    return DATASETS.build(config[f"{split}_dataloader"].dataset)


def check_split(config: Config, split: str) -> None:
    """Raise a `ConfigError` where a config has no data of this split."""
    if not config.get(f"{split}_dataloader"):
        raise ConfigError(
            f"{config.filename} has no {split}_dataloader; name the data of this split in it."
        )
