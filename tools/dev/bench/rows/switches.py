"""Fast settings for training on a GPU, each a switch of the config

Training steps of the branched ResNet-34 on 256x256 images that are on the device. Each setting adds
one switch to those above it; all are compared with plain float32, eager and without TF32. Then two
networks with all of them are compared with the card's peak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import torch
from mmengine.config import Config

from mtl_plugins.costs import count_macs
from mtl_plugins.engine import set_tf32

from ..measurement import Goal
from ..row import Case, NotMeasured, Samples
from ..settings import Settings
from ..steps import TrainingStep, build_network
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

RESNET, VIT = "ResNet-34 256x256", "ViT-B with DPT 518x518"
VIT_ENCODER: dict[str, Any] = dict(
    model_name="vit_base_patch14_dinov2.lvd142m", pretrained=False, out_indices=(2, 5, 8, 11)
)
DPT: dict[str, Any] = dict(
    type="DPTHead", in_channels=(768,) * 4, in_index=(0, 1, 2, 3), channels=256, embed_dims=768,
    input_transform="multiple_select", post_process_channels=[96, 192, 384, 768],
)  # fmt: skip

FORWARD_AND_BACKWARD = 3
"""A backward pass needs twice the multiplications of a forward pass."""


def cases(settings: Settings) -> Iterator[Case]:
    """Yield each setting against plain float32, then networks with all of them against the card."""
    batch = settings.choose(cpu=4, cuda=32, quick=2)
    size = settings.choose(cpu=(256, 256), cuda=(256, 256), quick=(64, 64))

    @cache
    def step(options: tuple[str, ...]) -> TrainingStep:
        if settings.device == "cpu" and not settings.quick:
            raise NotMeasured("these are settings for a GPU; see --device cuda")
        return _Step(settings.config(CONFIG, options), size, batch, settings.place)

    def against_plain(options: tuple[str, ...]) -> Samples:
        plain = step(PLAIN)
        return per_second(in_turns(step(options), plain, settings), batch)

    options: tuple[str, ...] = PLAIN
    for name, option in SWITCHES.items():
        if name == "compile" and settings.quick:
            option = "model.compile.backend=eager"  # inductor compiles for a minute
        options = (*options, option)
        goal = Goal("at least", 4.0) if name == "compile" else None
        yield Case(
            f"+ {name}", " ".join(options[len(PLAIN) :]),
            "float32, eager, without TF32, unfused", "images/s",
            partial(against_plain, options), goal,
        )  # fmt: skip
    for compiled, switches in ((False, options[:-1]), (True, options)):
        for network, least in ((RESNET, 0.3), (VIT, 0.4)):
            yield Case(
                f"use of the card, {network}" + ", compiled" * compiled,
                f"model FLOPs a second of all switches {'together' if compiled else 'but compile'}",
                "the card's bfloat16 peak", "TFLOP/s",
                partial(use_of_card, settings, network, switches),
                Goal("at least", least) if compiled else None,
            )  # fmt: skip


def use_of_card(settings: Settings, network: str, options: Sequence[str]) -> Samples:
    """Return the FLOPs a second of a network's training steps, and those of the card's peak."""
    if settings.device == "cpu":
        raise NotMeasured("a processor's peak is not known here")
    name = torch.cuda.get_device_name()
    peak = next((value for card, value in PEAKS.items() if card in name), None)
    if peak is None:
        raise NotMeasured(f"the bfloat16 peak of {name} is not known here")
    config, size, batch = settings.config(CONFIG, options), (256, 256), 128
    if network == VIT:
        size, batch = (518, 518), 16
        config.model.backbone = dict(type="TimmEncoder", **VIT_ENCODER)
        config.model.decode_head.decoder = dict(type="MMSegDecoder", head=DPT)
    if settings.quick:
        size, batch = (70, 70), 2
    step = _Step(config, size, batch, settings.place)
    image = torch.zeros(1, 3, *size, device=settings.place)
    eager = build_network(dict(config.model, compile=False), settings.place).eval()
    # Multiplications and additions.
    forward = 2 * count_macs(partial(eager, image, mode="tensor"))
    step()
    taken = [seconds_of(step, settings.place) for _ in range(settings.repeats)]
    done = [FORWARD_AND_BACKWARD * forward * batch / seconds / 1e12 for seconds in taken]
    rate = f"{batch / min(taken):.0f} images/s of {size[0]}x{size[1]}"
    return Samples(done, [peak / 1e12] * len(done), f"{rate}, {forward / 2e9:.1f} GMACs an image.")


class _Step(TrainingStep):
    """A training step that sets TF32 as its config says, whatever the previous step set."""

    def __init__(
        self, config: Config, size: tuple[int, int], batch: int, device: torch.device
    ) -> None:
        self.tf32 = bool(config.env_cfg.get("tf32"))
        super().__init__(config, size, batch, device)
        self.batch = self.network.data_preprocessor.cast_data(self.batch)

    def __call__(self) -> object:
        set_tf32(self.tf32)
        return super().__call__()
