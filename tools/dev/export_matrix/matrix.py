"""Many networks, each exported with random weights and compared with itself."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mtl_plugins.checkpoints import without_pretrained
from mtl_plugins.errors import MTLError
from mtl_plugins.inference import ModelInfo, load_predictor
from mtl_plugins.inference.export import (
    FORMATS,
    Agreement,
    check_predictor,
    default_batches,
    random_image,
    worst,
)
from mtl_plugins.models.segmentors import MultiTaskSegmentor

VARIANTS: dict[str, dict[str, Any]] = {
    "ResNetV1c (mmseg)": dict(
        backbone=dict(
            _delete_=True,
            type="ResNetV1c",
            depth=18,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            strides=(1, 2, 2, 2),
            dilations=(1, 1, 1, 1),
            style="pytorch",
        )
    ),
    "MixVisionTransformer (mmseg)": dict(
        backbone=dict(
            _delete_=True, type="MixVisionTransformer", embed_dims=32, num_layers=[2, 2, 2, 2]
        )
    ),
    **{
        f"{kind}": dict(decode_head=dict(decoder=dict(_delete_=True, type=kind, **options)))
        for kind, options in {
            "NestedDecoder": dict(channels=32, hidden_channels=16),
            "TransformerSkipDecoder": dict(channels=32, hidden_channels=16),
            "MultiScaleDecoder": dict(channels=32),
            "AttentionFusionDecoder": dict(channels=32),
        }.items()
    },
    **{
        f"MMSegDecoder({kind})": dict(
            decode_head=dict(
                decoder=dict(
                    _delete_=True,
                    type="MMSegDecoder",
                    head=dict(type=kind, channels=32, norm_cfg=dict(type="BN"), **options),
                )
            )
        )
        for kind, options in {
            "UPerHead": {},
            "SegformerHead": {},
            "PSPHead": {},
            "DAHead": dict(pam_channels=8),
        }.items()
    },
    "AttentionBinsHead (adabins)": dict(
        decode_head=dict(
            task_heads=dict(
                depth=dict(_delete_=True, type="AttentionBinsHead", num_bins=64, values="adabins")
            )
        )
    ),
}
"""Networks that no shipped config has: what is laid over the model of one that has."""


@dataclass(frozen=True)
class ExportResult:
    """What came of one export.

    Args:
        name: of the network.
        format: one of `FORMATS`.
        seconds: of tracing and writing.
        agreements: the batch that agrees least, by task; empty where there is an error.
        error: why there is no file, or none that runs.
    """

    name: str
    format: str
    seconds: float
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether every task is within the limits."""
        return bool(self.agreements) and all(each.holds for each in self.agreements.values())


def networks(configs: Mapping[str, Config], backbones: Sequence[str] = ()) -> dict[str, dict]:
    """Return the models to export by name, each network once.

    Args:
        configs: as from `load_config`; the variants are made of the first one.
        backbones: timm's names, each in place of the first config's.
    """
    first = next(iter(configs.values()))
    found = {name: config.model.to_dict() for name, config in configs.items()}
    for name in backbones:
        found[name] = _laid_over(first, dict(backbone=dict(model_name=name)))
    for name, changes in VARIANTS.items():
        found[name] = _laid_over(first, changes)
    unique: dict[str, dict] = {}
    for name, model in found.items():
        model = without_pretrained(model)
        # Training alone tells those apart that differ in it.
        model.pop("balancer", None)
        if model not in unique.values():
            unique[name] = model
    return unique


def export_all(
    models: Mapping[str, dict], formats: Iterable[str], preprocess: bool = False
) -> Iterator[ExportResult]:
    """Export every model into every format and compare its predictions, with random weights."""
    init_default_scope("mmseg")
    formats = list(formats)
    for name, model in models.items():
        torch.manual_seed(0)
        try:
            network = MODELS.build(model)
            randomise(network)
        except MTLError as error:
            yield from (ExportResult(name, format, 0.0, error=str(error)) for format in formats)
            continue
        for format in formats:
            yield _export(name, network, format, preprocess)


def randomise(network: MultiTaskSegmentor) -> None:
    """Give a network weights with which everything in it matters, and leave it in eval mode.

    Initial weights switch branches off (norms of scale 0, layer scales of 1e-6), so that errors
    in them would not show.
    """
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                nn.init.uniform_(parameter, 0.5, 1.5)
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
                module.momentum = None
        # So that activations keep their size through many layers.
        size = ModelInfo.of(network, {}).size or (160, 160)
        rng = np.random.default_rng(0)
        pixels = np.stack([random_image(rng, *size) for _ in range(2)]).transpose(0, 3, 1, 2)
        images = network.data_preprocessor.normalised(torch.from_numpy(pixels).float())
        network.train()._forward(images)
        raw = network.eval().raw_maps(images)
        for task, head in network.decode_head.tasks():
            # Standard normal predictions: most depths are then inside the codec's range.
            if hasattr(head, "predict"):
                std, mean = torch.std_mean(raw[task])
                head.predict.weight /= std
                head.predict.bias.sub_(mean).div_(std)


def _laid_over(config: Config, changes: dict) -> dict:
    copy = Config(dict(model=config.model.to_dict()))
    copy.merge_from_dict(dict(model=changes))
    return copy.model.to_dict()


def _export(name: str, network: MultiTaskSegmentor, format: str, preprocess: bool) -> ExportResult:
    suffix, write = FORMATS[format]
    info = ModelInfo.of(network, {}, preprocess)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"model{suffix}")
        start = time.perf_counter()
        try:
            write(network, path, info)
            seconds = time.perf_counter() - start
            batches = default_batches(info.size_divisor, info.size)
            found = list(check_predictor(network, load_predictor(path, device="cpu"), batches))
        except MTLError as error:
            reason = str(error).strip().splitlines()[0]
            return ExportResult(name, format, time.perf_counter() - start, error=reason)
    return ExportResult(name, format, seconds, worst(found))
