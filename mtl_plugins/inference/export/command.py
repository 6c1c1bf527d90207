"""The work of tools/export.py: export a checkpoint and compare the file with the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from mmseg.registry import TRANSFORMS
from rich.console import Console

from ...checkpoints import SUFFIX, load_checkpoint, write_safetensors
from ...config import image_transforms
from ...errors import ConfigError
from ...utils import check_results
from ...version import __version__
from ..inferencer import load_predictor
from ..model_info import KEY, ModelInfo
from ..torch_predictor import TorchPredictor
from .agreement import check_predictor, default_batches, report_agreement
from .formats import FORMATS
from .tracing import ExportError

SUFFIXES = {name: suffix for name, (suffix, _) in FORMATS.items()} | {"safetensors": SUFFIX}
"""The suffix of each format that `export` writes."""


def export(
    checkpoint: str,
    config: str | None = None,
    options: Sequence[str] = (),
    format: str | None = None,
    out: str | None = None,
    preprocess: bool = False,
    size: Sequence[int] | None = None,
    extras: Sequence[str] = (),
) -> None:
    """Export a checkpoint, and print how the file's predictions differ from the model's.

    Args:
        checkpoint: of a training run.
        config: config file that it was trained with; default: the one that the checkpoint carries.
        options: laid over the config file.
        format: one of `SUFFIXES`; default: by the suffix of `out`, else "onnx".
        out: the file to write; default: the checkpoint's name with the format's suffix.
        preprocess: whether the normalisation is part of the exported model.
        size: (height, width) of the only images that the exported model takes, in pixels; None: of
            any that the network takes.
        extras: which of `EXTRAS` are outputs too, such as `semseg_confidence`.

    Raises:
        ConfigError: format and suffix, or config and checkpoint, contradict each other; a size is
            not positive, or larger than the network takes; or the file is there already and is no
            export.
        ExportError: the model cannot be exported, or its predictions differ.
    """
    if size is not None and min(size) < 1:
        raise ConfigError(f"--size {' '.join(map(str, size))}: expected numbers of pixels.")
    format, out = _destination(checkpoint, format, out)
    if format == "safetensors" and (preprocess or size or extras):
        raise ConfigError(
            f"--out {out} is the weights alone: --preprocess, --size and --extras are for .onnx "
            "and .pt2. Leave them out; MultiTaskInferencer takes extras with any checkpoint."
        )
    console = Console()
    with Console(stderr=True).status("reading the checkpoint") as status:
        predictor = TorchPredictor(checkpoint, config, device="cpu", options=options)
        network = predictor.network
        status.update(f"writing {out}")
        if format == "safetensors":
            _write_weights(predictor, out)
            text = f"{out}: {_size(out)}, the weights are the checkpoint's, bit for bit."
            console.print(text, soft_wrap=True)
            return
        info = ModelInfo.of(network, predictor.metainfo, preprocess, extras)
        if size is not None:
            info = replace(info, size=(size[0], size[1]))
        FORMATS[format][1](network, out, info)
        status.update("comparing its predictions with the model's")
        batches = default_batches(info.size_divisor, info.size)
        found = list(check_predictor(network, load_predictor(out, device="cpu"), batches))
    report_agreement(out, found)
    for line in (f"{out}: {_size(out)}; {_signature(info)}.", *_notes(predictor)):
        console.print(line, highlight=False, soft_wrap=True)


def _destination(checkpoint: str, format: str | None, out: str | None) -> tuple[str, str]:
    """Return format and file, each derived from the other where it is not given."""
    suffix = Path(out).suffix.lower() if out else None
    if format is None:
        format = next((name for name, own in SUFFIXES.items() if own == suffix), None)
        if format is None and out is not None:
            raise ConfigError(
                f"--out {out}: the suffix gives the format, expected {', '.join(SUFFIXES.values())}"
                "; or give --format as well."
            )
        format = format or "onnx"
    if out is None:
        out = str(Path(checkpoint).with_suffix(SUFFIXES[format]))
    # `load_predictor` chooses by the suffix.
    elif suffix != SUFFIXES[format]:
        raise ConfigError(f"--out {out}: a file of --format {format} ends in {SUFFIXES[format]}.")
    if os.path.exists(out) and os.path.samefile(out, checkpoint):
        raise ConfigError(f"--out {out} is the checkpoint itself; choose another name.")
    if os.path.exists(out) and (os.path.isdir(out) or KEY.encode() not in Path(out).read_bytes()):
        raise ConfigError(
            f"{out} is there already, and is no export of this toolkit. Choose another name by "
            "--out, or remove it."
        )
    check_results(out)
    os.makedirs(os.path.dirname(out) or ".", exist_ok=True)
    return format, out


def _write_weights(predictor: TorchPredictor, out: str) -> None:
    """Write the weights with the config, so that the file can be used like the checkpoint."""
    weights = predictor.network.state_dict()
    keys = ("classes", "palette", "depth_unit", "image_range", "image_channels")
    named = {key: predictor.metainfo[key] for key in keys}
    learned = {each.truth_name: each for each in predictor.targets.values() if not each.truth_of}
    named["targets"] = {name: target.to_dict() for name, target in learned.items()}
    config = predictor.config.pretty_text
    meta = dict(cfg=config, dataset_meta=named, mtl_plugins_version=__version__)
    write_safetensors(weights, meta, out)
    stored = load_checkpoint(out)["state_dict"]
    if set(stored) != set(weights) or not all(torch.equal(stored[k], weights[k]) for k in weights):
        raise ExportError(f"{out} was not read back as it was written; is the disk full?")


def _notes(predictor: TorchPredictor) -> list[str]:
    """Return notes on parts of the config that are not exported."""
    packing = ("PackTargets", "PackSegInputs")
    steps = image_transforms(predictor.config)
    kinds = [TRANSFORMS.get(each["type"]) for each in steps if each["type"] not in packing]
    before = [kind.__name__ for kind in kinds if getattr(kind, "changes_image", True)]
    notes = []
    if before:
        applied = ", ".join(before)
        notes.append(f"Note: {applied} of the test pipeline must be applied to images before.")
    if limits := predictor.metainfo["image_range"]:
        notes.append(f"Note: image_range={limits}: these values of 16-bit images are 0 and 255.")
    views = predictor.network.inference_config
    if views.mode == "slide" or views.tta is not None:
        notes.append(
            "Note: the exported model sees images once and whole; windows and test-time "
            "augmentation of the config are no part of it."
        )
    return notes


def _signature(info: ModelInfo) -> str:
    height, width = info.size or ("height", "width")
    channels, dtype = len(info.mean), "uint8" if info.plain else "float32"
    takes = f"({channels}, {height}, {width})"
    if info.preprocess:
        takes = f"({height}, {width}, {channels}) {dtype} BGR" + " first" * (not info.plain)
    return f"images (batch, {takes[1:]} -> {', '.join(info.outputs)}"


def _size(path: str) -> str:
    return f"{os.path.getsize(path) / 1e6:.1f} MB"
