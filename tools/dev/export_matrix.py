"""Export many networks with random weights and compare each with its exported file."""

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
from torch import nn

from mtl_plugins.checkpoints import build_network, without_pretrained
from mtl_plugins.errors import MTLError
from mtl_plugins.inference import ModelInfo, load_predictor
from mtl_plugins.inference.export import (
    FORMATS,
    LIMITS,
    Agreement,
    check_predictor,
    default_batches,
    random_image,
    worst,
)
from mtl_plugins.models.segmentors import MultiTaskSegmentor
from mtl_plugins.utils import TextTable, track, wide_console, write_text

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
"""Networks that no shipped config has, as changes to the model of a shipped config."""


@dataclass(frozen=True)
class ExportResult:
    """The result of one export.

    Args:
        name: name of the network.
        format: one of `FORMATS`.
        seconds: time of tracing and writing.
        agreements: the batch that agrees least, by task; empty if there is an error.
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
        configs: as from `load_config`; the variants are changes to the first one.
        backbones: timm's names, each replacing the first config's backbone.
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
        # Balancers differ in training only.
        model.pop("balancer", None)
        if model not in unique.values():
            unique[name] = model
    return unique


def export_all(
    models: Mapping[str, dict], formats: Iterable[str], preprocess: bool = False
) -> Iterator[ExportResult]:
    """Export every model to every format, with random weights, and compare the predictions."""
    init_default_scope("mmseg")
    formats = list(formats)
    for name, model in models.items():
        torch.manual_seed(0)
        try:
            network = build_network(model, name)
            randomise(network)
        except MTLError as error:
            yield from (ExportResult(name, format, 0.0, error=str(error)) for format in formats)
            continue
        for format in formats:
            yield _export(name, network, format, preprocess)


def randomise(network: MultiTaskSegmentor) -> None:
    """Draw weights with which every branch of a network matters; leave it in evaluation mode.

    Initial weights switch branches off (norms of scale 0, layer scales of 1e-6), which would hide
    errors in them.
    """
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                nn.init.uniform_(parameter, 0.5, 1.5)
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
                module.momentum = None
        # Statistics of real activations keep their scale through many layers.
        size = ModelInfo.of(network, {}).size or (160, 160)
        rng = np.random.default_rng(0)
        pixels = np.stack([random_image(rng, *size) for _ in range(2)]).transpose(0, 3, 1, 2)
        images = network.data_preprocessor.normalised(torch.from_numpy(pixels).float())
        network.train()._forward(images)
        raw = network.eval().raw_maps(images)
        for task, head in network.decode_head.tasks():
            # With standard normal predictions most depths are inside the codec's range.
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


def report_exports(
    models: Mapping[str, dict],
    formats: Sequence[str],
    preprocess: bool = False,
    markdown_file: str | None = None,
) -> None:
    """Export all models and print a row for each; write them as Markdown if asked to."""
    formats = list(formats or FORMATS)
    steps = export_all(models, formats, preprocess)
    results = list(track(steps, "exporting", len(models) * len(formats)))
    tasks = list(dict.fromkeys(task for each in results for task in each.agreements))
    columns = ["network", "format", *tasks, "seconds", ""]
    table = TextTable(columns, [_row(each, tasks) for each in results], ("network", "format", ""))
    console = wide_console()
    console.print(table)
    console.print(LIMITS, highlight=False)
    if markdown_file:
        write_text(markdown_file, table.markdown() + "\n")


def _row(result: ExportResult, tasks: Sequence[str]) -> list[str]:
    cells = [_cell(result.agreements.get(task)) for task in tasks]
    outcome = result.error or ("ok" if result.holds else "differs")
    return [result.name, result.format, *cells, f"{result.seconds:.1f}", outcome]


def _cell(agreement: Agreement | None) -> str:
    if agreement is None:
        return "-"
    if agreement.relative is not None:
        return f"{agreement.relative:.1e}"
    return f"{agreement.agreeing:.3%}"
