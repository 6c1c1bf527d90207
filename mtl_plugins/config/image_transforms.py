"""What a config does to an image of a test before the network gets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACK = dict(type="PackTargets")


def image_transforms(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the test pipeline (or that of the validation) without what reads files.

    The rest, say a `Resize`, is what an image that is already in memory goes through. A config
    without either pipeline packs the image as it is.

    >>> pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]
    >>> image_transforms(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    [{'type': 'PackTargets'}]
    """
    loaders = (config.get(f"{split}_dataloader") for split in ("test", "val"))
    pipelines = (_pipeline(loader.get("dataset")) for loader in loaders if loader)
    pipeline = next((found for found in pipelines if found is not None), [PACK])
    return [dict(transform) for transform in pipeline if not _reads(transform["type"])]


def _pipeline(dataset: Any) -> list[dict[str, Any]] | None:
    """Return the pipeline of a data set, of the one it wraps or of the first that it joins."""
    if isinstance(dataset, (list, tuple)):
        return next((found for found in map(_pipeline, dataset) if found is not None), None)
    if not isinstance(dataset, Mapping):
        return None
    if dataset.get("pipeline") is not None:
        return dataset["pipeline"]
    return _pipeline(dataset.get("dataset", dataset.get("datasets")))


def _reads(kind: str) -> bool:
    """Return whether a transform reads a file or decodes what was read; mmseg's have such names."""
    return kind.startswith("Load") or kind == "DecodeTargets"
