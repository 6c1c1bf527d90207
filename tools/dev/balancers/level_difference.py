"""Compare balancing at the features with balancing at the parameters, along a training run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import Tensor, nn

from mtl_plugins.models.segmentors import MultiTaskSegmentor
from mtl_plugins.utils import TextTable, track, wide_console

COLUMNS = (
    "weighting", "cosine, mean", "lowest", "length ratio, mean", "cosine of the sum, mean",
)  # fmt: skip


@dataclass(frozen=True)
class LevelDifference:
    """The encoder's updates of one step at both levels, compared.

    Args:
        step: number of the step.
        cosine: cosine between the two updates, -1..1.
        ratio: length of the update at the features divided by that at the parameters.
        to_sum: cosine between the update at the parameters and the plain sum of the gradients.
    """

    step: int
    cosine: float
    ratio: float
    to_sum: float


def level_differences(
    config: Config, weighting: str, steps: int = 100, every: int = 5
) -> Iterator[LevelDifference]:
    """Train at the feature level and compare its update with the exact one every few steps.

    Both updates are for the same weights and batch. Stateful weightings see only the compared
    steps.

    Args:
        config: as from `load_config`, with its training data; its own balancer is replaced.
        weighting: as in `GradientBalancer`.
        steps: number of training steps.
        every: number of steps from one comparison to the next.
    """
    init_default_scope(config.get("default_scope", "mmseg"))
    torch.manual_seed(0)
    network = MODELS.build(config.model)
    tasks = [task for task, _ in network.decode_head.tasks()]
    kinds = dict(features=weighting, parameters=weighting, sum="Sum")
    balancers = {
        kind: MODELS.build(
            dict(
                type="GradientBalancer", weighting=name, tasks=tasks,
                level="parameters" if kind == "parameters" else "features",
            )
        )
        for kind, name in kinds.items()
    }  # fmt: skip
    wrapper = build_optim_wrapper(network, config.optim_wrapper)
    network.train()
    for step, data in zip(range(steps), _batches(config), strict=False):
        if step % every == 0:
            update = {k: _encoder_gradient(network, each, data) for k, each in balancers.items()}
            yield LevelDifference(
                step,
                _cosine(update["features"], update["parameters"]),
                (update["features"].norm() / update["parameters"].norm()).item(),
                _cosine(update["sum"], update["parameters"]),
            )
        network.balancer = balancers["features"]
        network.train_step(data, wrapper)


def _batches(config: Config) -> Iterator[dict]:
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    while True:
        yield from loader


def _encoder_gradient(network: MultiTaskSegmentor, balancer: nn.Module, data: dict) -> Tensor:
    network.balancer = balancer
    network.zero_grad()
    losses = network(**network.data_preprocessor(data, True), mode="loss")
    network.parse_losses(losses)[0].backward()
    gradients = [p.grad for p in network.backbone.parameters() if p.grad is not None]
    return torch.cat([gradient.flatten() for gradient in gradients])


def _cosine(first: Tensor, second: Tensor) -> float:
    return torch.cosine_similarity(first.double(), second.double(), dim=0).item()


def show_level_differences(runs: Mapping[str, Iterable[LevelDifference]], count: int) -> None:
    """Print a table with one row a weighting; each run has `count` comparisons."""
    rows = []
    for name, run in runs.items():
        found = list(track(run, name, count))
        cosines = [each.cosine for each in found]
        numbers = (
            mean(cosines),
            min(cosines),
            mean(each.ratio for each in found),
            mean(each.to_sum for each in found),
        )
        rows.append([name, *(f"{number:.3f}" for number in numbers)])
    title = "Update of the encoder, features against parameters"
    wide_console().print(TextTable(COLUMNS, rows, title=title))
