"""Fast settings for training on a GPU, each a switch of the config

Training steps of the branched ResNet-34 on 256x256 images that are on the device. Each setting adds
one switch to those above it; all are compared with plain float32, eager and without TF32.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import torch
from mmengine.config import Config

from mtl_plugins.costs import count_macs
from mtl_plugins.engine import set_tf32

from ..measurement import Goal
from ..row import Case, NotMeasured, Samples
from ..settings import Settings
from ..steps import TrainingStep
from ..turns import in_turns, per_second, seconds_of
from .step import CONFIG

SWITCHES = {
    "tf32": "env_cfg.tf32=True",
    "bfloat16": "optim_wrapper.type=AutocastOptimWrapper",  # what --amp sets
    "channels_last": "model.channels_last=True",
    "fused optimizer": "optim_wrapper.optimizer.fused=True",
    "compile": "model.compile=True",
}
"""The option of each switch."""

PLAIN = ("env_cfg.tf32=False", "optim_wrapper.optimizer.fused=False")

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "4090": 165e12}
"""Peak bfloat16 multiplications and additions a second, without sparsity, by a part of the card's
name; from NVIDIA's data sheets (SXM if there are several variants)."""

FORWARD_AND_BACKWARD = 3
"""A backward pass needs twice the multiplications of a forward pass."""


def cases(settings: Settings) -> Iterator[Case]:
    """Yield each setting against plain float32, then the fastest one against the card's peak."""
    batch = settings.choose(cpu=4, cuda=32, quick=2)
    size = settings.choose(cpu=(256, 256), cuda=(256, 256), quick=(64, 64))
    config = partial(settings.config, CONFIG)

    @cache
    def step(options: tuple[str, ...]) -> TrainingStep:
        if settings.device == "cpu":
            raise NotMeasured("these are settings for a GPU; see --device cuda")
        return _Step(config(options), size, batch, settings.place)

    def against_plain(options: tuple[str, ...]) -> Samples:
        plain = step(PLAIN)
        return per_second(in_turns(step(options), plain, settings), batch)

    def use(options: tuple[str, ...]) -> Samples:
        plain, fastest = step(PLAIN), step(options)
        name = torch.cuda.get_device_name()
        peak = next((value for card, value in PEAKS.items() if card in name), None)
        if peak is None:
            raise NotMeasured(f"the bfloat16 peak of {name} is not known here")
        image = torch.zeros(1, 3, *size, device=settings.place)
        # Multiplications and additions.
        forward = 2 * count_macs(lambda: plain.network.eval()(image, mode="tensor"))
        plain.network.train()
        taken = [seconds_of(fastest, settings.place) for _ in range(settings.repeats)]
        done = [FORWARD_AND_BACKWARD * forward * batch / seconds / 1e12 for seconds in taken]
        return Samples(done, [peak / 1e12] * len(done), f"{forward / 2e9:.2f} GMACs an image.")

    options: tuple[str, ...] = PLAIN
    for name, option in SWITCHES.items():
        options = (*options, option)
        goal = Goal("at least", 4.0) if option == [*SWITCHES.values()][-1] else None
        yield Case(
            f"+ {name}", " ".join(options[len(PLAIN) :]),
            "float32, eager, without TF32, unfused", "images/s",
            partial(against_plain, options), goal,
        )  # fmt: skip
    yield Case(
        "use of the card", "model FLOPs a second of all switches together",
        "the card's bfloat16 peak", "TFLOP/s", partial(use, options),
    )  # fmt: skip


class _Step(TrainingStep):
    """A training step that sets TF32 as its config says, whatever the previous step set."""

    def __init__(
        self, config: Config, size: tuple[int, int], batch: int, device: torch.device
    ) -> None:
        self.tf32 = bool(config.env_cfg.get("tf32"))
        super().__init__(config, size, batch, device)

    def __call__(self) -> object:
        set_tf32(self.tf32)
        return super().__call__()
