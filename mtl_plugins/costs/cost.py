"""Measure the cost of a model: parameters, multiply-adds, memory and time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from ..checkpoints import build_network
from ..errors import ConfigError
from ..models.segmentors import MultiTaskSegmentor
from ..models.task_heads import TaskHead
from ..utils import machine_name
from .counts import count_macs, parameters_by_part
from .memory import peak_memory


@dataclass(frozen=True)
class Cost:
    """The cost of a model.

    Args:
        config: name of the config.
        height, width: of the images, in pixels.
        batch_size: images of a training step and of a prediction.
        device: "cpu" or "cuda".
        machine: where it was measured, see `machine_name`.
        parameters: number of parameters, the sum of `encoder`, `decoders`, `task_heads` and
            `rest` (gates, fusion, balancer, ...).
        macs: multiply-adds of one forward pass of one image, see `count_macs`.
        prediction_bytes, training_bytes: peak memory of one step, see `peak_memory`.
        prediction_seconds, training_seconds: median time of one step; None if not measured.
    """

    config: str
    height: int
    width: int
    batch_size: int
    device: str
    machine: str
    parameters: int
    encoder: int
    decoders: int
    task_heads: int
    rest: int
    macs: int
    prediction_bytes: int
    training_bytes: int
    prediction_seconds: float | None
    training_seconds: float | None


def measure_cost(
    config: Config,
    name: str = "model",
    size: tuple[int, int] = (256, 256),
    batch_size: int = 4,
    device: str = "cpu",
    repeats: int = 5,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Cost:
    """Build the model of a config with random weights and measure it on random data.

    A training step is the model's own `train_step` with the config's optimizer (preprocessing,
    forward, backward, update), a prediction its `val_step`. The second of each is measured for
    memory, later ones for time. Pretrained weights are never fetched.

    Args:
        config: as from `load_config`.
        name: name of the config in the result.
        size: (height, width) of the images, in pixels.
        batch_size: images of a training step and of a prediction.
        device: "cpu" or "cuda".
        repeats: number of training steps and predictions that are timed; 0: no timing.
        on_stage: called with the name of each stage as it begins.

    Raises:
        ConfigError: the size or batch size is not positive, the device does not exist, or the
            config has no multi-task model or no optimizer.
    """
    check_measurable(config, size, batch_size, device)
    on_stage("building")
    init_default_scope(config.get("default_scope", "mmseg"))
    network = build_network(config.model.to_dict(), name)
    network.to(device).eval()
    on_stage("multiply-adds")
    image = torch.zeros(1, network.in_channels, *size, device=device)
    macs = count_macs(lambda: network(image, mode="tensor"))
    batch = partial(random_batch, network, size, batch_size)
    # Predictions come first: on CUDA their memory would include the optimizer's state.
    on_stage("predictions")
    weights = [*network.parameters(), *network.buffers()]
    predict = torch.no_grad()(network.val_step)
    place = torch.device(device)
    prediction = _measure(predict, batch, lambda: weights, place, repeats)
    on_stage("training steps")
    network.train()
    wrapper = build_optim_wrapper(network, config.optim_wrapper)
    train = partial(network.train_step, optim_wrapper=wrapper)
    training = _measure(train, batch, lambda: [weights, wrapper.state_dict()], place, repeats)
    parts = parameters_by_part(network)
    return Cost(
        name, *size, batch_size, device, machine_name(device), sum(parts.values()),
        **parts, macs=macs,
        prediction_bytes=prediction[0], training_bytes=training[0],
        prediction_seconds=prediction[1], training_seconds=training[1],
    )  # fmt: skip


def check_measurable(config: Config, size: tuple[int, int], batch_size: int, device: str) -> None:
    """Raise a `ConfigError` if a config cannot be measured with these arguments."""
    if min(*size, batch_size) < 1:
        raise ConfigError(f"size={tuple(size)}, batch_size={batch_size}; expected numbers >= 1.")
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"device={device!r}; choose 'cpu' or 'cuda'.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device='cuda', but torch finds no CUDA device here; choose 'cpu'.")
    for key in ("model", "optim_wrapper"):
        if not config.get(key):
            raise ConfigError(f"The config {config.filename} has no {key}, which is measured.")


def _measure(
    step: Callable[[dict], Any],
    batch: Callable[[], dict],
    held: Callable[[], Any],
    device: torch.device,
    repeats: int,
) -> tuple[int, float | None]:
    """Return the peak bytes and the median seconds of a step."""
    step(batch())  # warm-up; the first training step also makes the optimizer's state
    memory = peak_memory(lambda: step(batch()), held(), device)
    seconds = [seconds_of(step, batch(), device) for _ in range(repeats)]
    return memory, median(seconds) if seconds else None


def random_batch(
    network: MultiTaskSegmentor, size: tuple[int, int], batch_size: int
) -> dict[str, Any]:
    """Return a batch like a data loader's: random images of (height, width) with every target."""
    images, samples = [], []
    for _ in range(batch_size):
        sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
        targets = network.decode_head.targets().values()
        sample.set_metainfo(dict(targets=[target for target in targets if not target.truth_of]))
        for _, head in network.decode_head.tasks():
            truth = RANDOM[head.target.type](head, size)
            sample.set_data({head.target.truth: PixelData(data=truth)})
        images.append(torch.randint(256, (network.in_channels, *size), dtype=torch.uint8))
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def _random_scalars(head: TaskHead, size: tuple[int, int]) -> Tensor:
    low, high = head.target.range or (1.0, 81.0)
    return torch.rand(1, *size) * (high - low) + low


RANDOM: dict[str, Callable[[TaskHead, tuple[int, int]], Tensor]] = dict(
    classes=lambda head, size: torch.randint(head.out_channels, (1, *size)),
    binary=lambda head, size: torch.randint(2, (1, *size)),
    scalar=_random_scalars,
    direction=lambda head, size: F.normalize(torch.randn(3, *size), dim=0),
    offset=lambda head, size: torch.randn(2, *size),
)
"""Type -> random truth C,H,W for a head."""


def seconds_of(step: Callable[[dict], Any], data: dict, device: torch.device) -> float:
    """Return the time of one step, including work that the device finishes later."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    step(data)
    wait()
    return time.perf_counter() - start
