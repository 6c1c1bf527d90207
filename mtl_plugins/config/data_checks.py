"""Contradictions between the data of a config and what a run does with them; see `Run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmseg.registry import DATA_SAMPLERS

from .datasets import leaf_nodes
from .planned_run import PARTS, Run, is_kind

CROPS = ("RandomCrop", "RandomMosaic", "MosaicTargets")
"""Transforms of a training after which an image has another size at random."""

RANDOM = (
    *("CutOutTargets", "FlipTargets", "PhotometricJitter", "PhotoMetricDistortion"),
    *("RotateTargets", "ZoomTargets"),
)
"""Transforms of a training that change an image at random and are not called `Random...`."""


def endless_evaluation(run: Run) -> Iterator[str]:
    """Find samplers with which a validation or test never ends."""
    for split in ("val", "test"):
        if is_kind(DATA_SAMPLERS, _sampler(run, split), InfiniteSampler):
            yield (
                f"{split}_dataloader.sampler is an InfiniteSampler, with which the evaluation "
                "never ends: use sampler=dict(type='DefaultSampler', shuffle=False)."
            )


def no_samples(run: Run) -> Iterator[str]:
    """Find data sets without transforms, whose samples hold file names instead of images."""
    for split, node in _leaves(run):
        given = node.get("pipeline", [{}])
        is_list = isinstance(given, (list, tuple)) and all(isinstance(t, Mapping) for t in given)
        if not given or not is_list:
            yield (
                f"{split}_dataloader: a {node['type']} has pipeline={given!r}; expected a list of "
                "transforms. It begins with dict(type='LoadImage') and ends with "
                "dict(type='PackTargets')."
            )


def cropped_evaluation(run: Run) -> Iterator[str]:
    """Find evaluations of random parts of an image, whose truth has another size."""
    for place, name in _transforms(run, ("val", "test")):
        if name in CROPS:
            yield (
                f"{place} is a {name}: an evaluation predicts the whole image, and its truth must "
                "not be cropped. Is this the pipeline of the training? Leave it out."
            )


def endless_epoch(run: Run) -> Iterator[str]:
    """Find samplers with which an epoch never ends."""
    if run.epochs and is_kind(DATA_SAMPLERS, _sampler(run, "train"), InfiniteSampler):
        yield (
            "train_dataloader.sampler is an InfiniteSampler, with which an epoch never ends, and "
            "train_cfg counts epochs: use sampler=dict(type='SeededSampler', shuffle=True), or "
            "train_cfg=dict(_delete_=True, type='IterBasedTrainLoop', max_iters=...)."
        )


def shuffled_twice(run: Run) -> Iterator[str]:
    """Find loaders with an order beside that of their sampler, which torch refuses."""
    for split in ("train", "val", "test"):
        if _sampler(run, split) and run.config[f"{split}_dataloader"].get("shuffle"):
            yield (
                f"{split}_dataloader has shuffle=True and a sampler, which gives the order: leave "
                f"it out, or set {split}_dataloader.sampler.shuffle."
            )


def unmeasured_images(run: Run) -> Iterator[str]:
    """Find evaluations that leave out images."""
    for split in ("val", "test"):
        loader = run.config.get(f"{split}_dataloader")
        if isinstance(loader, Mapping) and loader.get("drop_last"):
            yield (
                f"{split}_dataloader.drop_last=True leaves the last images out of the metrics: set "
                "it to False."
            )


def random_evaluation(run: Run) -> Iterator[str]:
    """Find evaluations of images that are changed at random."""
    for place, name in _transforms(run, ("val", "test")):
        if name not in CROPS and (name.startswith("Random") or name in RANDOM):
            yield (
                f"{place} is a {name}, so that the metrics are those of images changed at random. "
                "Is this the pipeline of the training? Leave it out."
            )


def _leaves(run: Run) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the data sets of every split that join or repeat no others."""
    for split in PARTS:
        loader = run.config.get(f"{split}_dataloader")
        for node in leaf_nodes(loader["dataset"]) if loader and "dataset" in loader else ():
            yield split, node


def _transforms(run: Run, splits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the place and type of every transform of some splits."""
    for split, node in _leaves(run):
        for index, transform in enumerate(node.get("pipeline") or ()):
            if split in splits and isinstance(transform, Mapping):
                place = f"{split}_dataloader.dataset ... pipeline.{index}"
                yield place, str(transform.get("type"))


def _sampler(run: Run, split: str) -> Any:
    loader = run.config.get(f"{split}_dataloader")
    return loader.get("sampler") if isinstance(loader, Mapping) else None
