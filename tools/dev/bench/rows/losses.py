"""Losses as shares of a training step, metrics as shares of a validation step

The branched ResNet-34: losses forward and backward at full size beside its training step on 256x256
images, metrics of one image beside the prediction of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import torch
from mmseg.registry import METRICS, MODELS

from mtl_plugins.costs import random_batch

from ..measurement import Goal
from ..row import Case, Samples
from ..settings import Settings
from ..steps import TrainingStep, build_network
from ..turns import in_turns, milliseconds
from .step import CONFIG

CLASSES = 19
BINS = 64
SHARE = Goal("at most", 0.05)


def cases(settings: Settings) -> Iterator[Case]:
    """Yield the losses, then the metrics."""
    size = settings.choose(cpu=(256, 256), cuda=(256, 256), quick=(64, 64))
    batch = settings.choose(cpu=4, cuda=16, quick=2)

    @cache
    def step() -> TrainingStep:
        return TrainingStep(settings.config(CONFIG), size, batch, settings.place)

    def loss(run: Callable[[], Any]) -> Callable[[], Samples]:
        return lambda: milliseconds(in_turns(run, step(), settings))

    for name, run in _losses(size, batch, settings.place).items():
        yield Case(
            name, f"forward and backward of {name} for {batch} images", "a training step", "ms",
            loss(run), SHARE,
        )  # fmt: skip

    large = settings.choose(cpu=(256, 512), cuda=(1024, 2048), quick=(64, 64))
    network = cache(lambda: build_network(settings.config(CONFIG).model, settings.place).eval())

    @torch.no_grad()
    def metric(kind: str) -> Samples:
        data = random_batch(network(), large, 1)
        samples = [sample.to_dict() for sample in network().val_step(data)]
        truth = torch.nn.functional.normalize(torch.randn(3, *large), dim=0)
        guess = truth + 0.1 * torch.randn(3, *large)
        for sample in samples:
            if kind == "NormalsMetric":
                sample.pop("predicted")  # normals are not among them
            sample["gt_normal_map"] = dict(data=truth.to(settings.place))
            sample["pred_normal_map"] = dict(data=guess.to(settings.place))
        built = METRICS.build(dict(type=kind))
        built.dataset_meta = dict(classes=[str(number) for number in range(CLASSES)])
        return milliseconds(
            in_turns(lambda: built.process({}, samples), lambda: network().val_step(data), settings)
        )

    for kind, what in (("MultiTaskMetric", "classes and depth"), ("NormalsMetric", "normals")):
        yield Case(
            kind, f"update of {kind}, {what}, one image of {large[0]}x{large[1]}",
            "its prediction (classes and depth)", "ms", partial(metric, kind), SHARE,
        )  # fmt: skip


def _losses(
    size: tuple[int, int], batch: int, device: torch.device
) -> dict[str, Callable[[], None]]:
    """Return calls that run each loss forward and backward on random maps of full size."""
    depth = torch.rand(batch, 1, *size, device=device) * 80 + 1
    valid = torch.rand(depth.shape, device=device) < 0.9
    metres = (torch.rand_like(depth) * 80 + 1).requires_grad_()
    logits = torch.randn(batch, CLASSES, *size, device=device, requires_grad=True)
    label = torch.randint(CLASSES, (batch, *size), device=device)
    centres = (torch.rand(batch, BINS, device=device) * 80).requires_grad_()
    arguments = dict(
        SILogLoss=(metres, depth, valid),
        MaskedCrossEntropyLoss=(logits, label),
        BinsChamferLoss=(centres, depth, valid),
    )
    return {
        name: _both_ways(MODELS.build(dict(type=name)).to(device), given)
        for name, given in arguments.items()
    }


def _both_ways(loss: torch.nn.Module, given: tuple) -> Callable[[], None]:
    def run() -> None:
        given[0].grad = None
        loss(*given).backward()

    return run
