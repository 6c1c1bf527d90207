"""Check the training data: by itself, against the model, and count what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...data_tools import glance, suspicious
from ...errors import ConfigError, DataError
from ...models.segmentors import MultiTaskSegmentor
from ...targets import NO_DEPTH, targets_in
from ...utils import unwrapped, warn

TOO_MANY = 0.5
"""Share of the measured depths outside a codec's range above which `DepthCheckHook` warns."""


@HOOKS.register_module()
class ClassCheckHook(Hook):
    """Stop before the first step if a head predicts another number of classes than the data has.

    Otherwise the run would fail deep inside a loss (on a GPU without saying where), or not at all.

    Raises:
        ConfigError: the numbers differ; the message gives both.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare each head of classes with the training data."""
        loaded = targets_in(runner.train_dataloader.dataset.metainfo)
        for task, head in _heads(runner):
            target = loaded.get(head.target.truth_name)
            classes = target.classes if target else ()
            if classes and head.out_channels != len(classes):
                raise ConfigError(
                    f"model.decode_head.task_heads.{task}.num_classes={head.out_channels}, but the "
                    f"training data has {len(classes)} classes. Set it to {len(classes)}."
                )


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Read some training samples before the first step, and warn of what teaches nothing.

    Classes without a pixel, targets without a valid one, depth of which much is at its end,
    images that are black or have few grey levels would otherwise train silently, some of them to
    perfect scores. `tools/check_data.py` reports the same of every file.

    Raises:
        DataError: all samples were read, and no task has a valid pixel; or an image cannot be
            read, has other channels than the data set says, or values outside of its range.

    In a config: `default_hooks = dict(data_check=dict(type='DataCheckHook'))`.
    """

    def before_train(self, runner: Runner) -> None:
        """Report what some samples of the training data have in common."""
        hopeless = [""]
        dataset = runner.train_dataloader.dataset
        # One that can only be iterated is of another library.
        if is_main_process() and hasattr(dataset, "__len__"):
            found = glance(dataset)
            texts = suspicious(found, len(dataset))
            learned = {head.target.truth_name for _, head in _heads(runner)}
            tallies = [t for name, t in found.tallies.items() if name in learned and t.maps]
            if (
                tallies
                and found.samples == len(dataset)
                and not any(t.valid_pixels for t in tallies)
            ):
                hopeless = ["Nothing can be learned from the training data. " + " ".join(texts)]
            if found.unreadable:
                hopeless = [found.unreadable]
            for text in texts:
                warn(f"The training data: {text}")
        broadcast_object_list(hopeless)
        if hopeless[0]:
            raise DataError(hopeless[0])


@HOOKS.register_module()
class DepthCheckHook(Hook):
    """Warn if most distances of the first batch lie outside the range of a head's codec.

    Files in another unit than `depth_format` says (centimetres read as metres) would otherwise
    train silently, with every truth clamped to the codec's ends. Heads without a codec are not
    checked.

    In a config: `default_hooks = dict(depth_check=dict(type='DepthCheckHook'))`.
    """

    def __init__(self) -> None:
        self._checked = False

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping[str, Any] | None = None
    ) -> None:
        """Compare the truth of the first batch with the codec of each depth head."""
        if self._checked:
            return
        self._checked = True
        samples = (data_batch or {}).get("data_samples") or ()
        for task, head in _heads(runner):
            codec = getattr(head, "codec", None)
            truths = [sample.get(head.target.truth) for sample in samples]
            known = [each.data[each.data > NO_DEPTH] for each in truths if each is not None]
            if codec is None or not sum(map(len, known)):
                continue
            depths = torch.cat(known)
            outside = (depths < codec.min_depth) | (depths > codec.max_depth)
            share = outside.float().mean().item()
            if share > TOO_MANY:
                warn(
                    f"{100 * share:.0f} % of the depths of the first batch (median "
                    f"{depths.median():.4g}) are not within the {codec.min_depth:g} to "
                    f"{codec.max_depth:g} of model.decode_head.task_heads.{task}.codec. "
                    "Is depth_format.scale right?"
                )


@HOOKS.register_module()
class SkippedSamplesHook(Hook):
    """List the samples that a data set with `on_bad_sample='skip'` skipped, and stop at a limit.

    Each bad file is reported once, when it is found; after every epoch the log lists all of them.
    More than `limit` different bad samples on any process end the training, because the rest is
    no longer the data that the config names.

    Args:
        limit: number of different bad samples before training stops, 0 or more.

    Raises:
        ConfigError: `limit` is negative.
        DataError: more than `limit` samples are bad.

    In a config: `default_hooks = dict(skipped_samples=dict(limit=5))`, and
    `train_dataloader.dataset.on_bad_sample='skip'`.
    """

    def __init__(self, limit: int = 100) -> None:
        if limit < 0:
            raise ConfigError(f"SkippedSamplesHook: limit={limit}; expected 0 or more.")
        self.limit = limit
        self.skipped: dict[str, None] = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Collect the samples that were skipped while this batch was loaded."""
        for sample in (data_batch or {}).get("data_samples") or ():
            for problem in sample.metainfo.get("skipped", ()):
                if problem not in self.skipped:
                    self.skipped[problem] = None
                    warn(f"Skipped a sample: {problem}")
        if len(self.skipped) > self.limit:
            raise DataError(
                f"{len(self.skipped)} samples could not be read, more than the "
                f"{self.limit} that SkippedSamplesHook.limit allows. The last one: "
                f"{next(reversed(self.skipped))} Run tools/check_data.py for the whole list."
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Log all bad samples found so far."""
        problems = sorted({p for found in all_gather_object(list(self.skipped)) for p in found})
        if problems:
            listed = "\n".join(f"- {problem}" for problem in problems)
            warn(f"{len(problems)} samples could not be read and were skipped:\n{listed}")


def _heads(runner: Runner) -> Iterator[tuple[str, Any]]:
    """Yield name and head of each task; none for models of other classes."""
    model = unwrapped(runner.model)
    if isinstance(model, MultiTaskSegmentor):
        yield from model.decode_head.tasks()
