"""How far balancing at the features is from balancing at the parameters, along a training run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import Tensor, nn

from mtl_plugins.models.segmentors import MultiTaskSegmentor


@dataclass(frozen=True)
class LevelDifference:
    """The encoder's update of one step, at both levels.

    Args:
        step: number of the step.
        cosine: between the two updates, -1..1.
        ratio: length of the one at the features over that at the parameters.
        to_sum: cosine between the one at the parameters and the plain sum of the gradients.
    """

    step: int
    cosine: float
    ratio: float
    to_sum: float


def level_differences(
    config: Config, weighting: str, steps: int = 100, every: int = 5
) -> Iterator[LevelDifference]:
    """Train at the feature level, and yield every few steps how the exact update would differ.

    Both updates are of the same weights and the same batch. Stateful weightings see only the
    steps that are compared.

    Args:
        config: as from `load_config`, with its training data; its own balancer is replaced.
        weighting: as in `GradientBalancer`.
        steps: training steps.
        every: steps from one comparison to the next.
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
