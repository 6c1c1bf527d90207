"""Train and predict with one small model of every module of timm as the encoder."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample

from mtl_plugins.checkpoints import build_network
from mtl_plugins.costs import random_batch
from mtl_plugins.errors import ConfigError
from mtl_plugins.models.encoders import encoder_spec
from mtl_plugins.models.segmentors import MultiTaskSegmentor
from mtl_plugins.utils import TextTable, no_logs, track, wide_console, write_text

TRAINED, PREDICTED = (128, 192), (100, 140)
"""Sizes (height, width) of the images that are trained on and predicted, in pixels."""

AT_ONCE = 8
"""Number of models that one process tries."""

COMMAND = Path(__file__).parent / "commands" / "timm_survey.py"


@dataclass(frozen=True)
class Trial:
    """The result of one model as the encoder.

    Args:
        module: timm's module.
        model: name of the model, "" if the process died before it was chosen.
        outcome: "works"; "refused": a `ConfigError` with a message; "failed": anything else.
        parameters: of the whole model of timm, with its classifier.
        strides: of the pyramid.
        divisor: the network pads images to multiples of it.
        message: of the error.
        seconds: time of the trial.
    """

    module: str
    model: str
    outcome: str
    parameters: int = 0
    strides: Any = ()
    divisor: int = 0
    message: str = ""
    seconds: float = 0.0


def survey(modules: Sequence[str], path: str) -> Iterator[Trial]:
    """Try one model of each module, in processes of their own, and yield the results as they come.

    Args:
        modules: of `timm.list_modules()`.
        path: file with one JSON object per line; modules that it has are not tried again, and each
            result is appended.
    """
    stored = _read(path)
    yield from (stored[module] for module in modules if module in stored)
    while left := [module for module in modules if module not in stored]:
        chunk = left[:AT_ONCE]
        child = subprocess.run(
            [sys.executable, str(COMMAND), "--out", path, "--here", "--modules", *chunk],
            capture_output=True,
            text=True,
        )
        found = _read(path)
        if dead := [module for module in chunk if module not in found]:
            # The process ended with the first model that has no result.
            lines = child.stderr.strip().splitlines() or [""]
            message = f"its process ended with {child.returncode}: {lines[-1]}"
            found[dead[0]] = Trial(dead[0], "", "failed", message=message)
            _append(path, found[dead[0]])
        yield from (found[module] for module in chunk if module in found)
        stored = found


def survey_here(modules: Iterable[str], path: str) -> None:
    """Try one model of each module in this process and append the results to a file."""
    with no_logs(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in modules:
            name, parameters = smallest_model(module)
            _append(path, attempt(module, name, parameters))


def smallest_model(module: str) -> tuple[str, int]:
    """Return a module's model with the fewest parameters, and their number.

    Models that timm keeps for its own tests (`test_resnet`) are not of their architecture's usual
    shape and are passed over.
    """
    counts = {}
    for name in timm.list_models(module=module, exclude_filters="test_*"):
        # On this device, weights take neither memory nor time.
        with torch.device("meta"):
            network = timm.create_model(name)
        counts[name] = sum(weight.numel() for weight in network.parameters())
    name = min(counts, key=lambda name: (counts[name], name))
    return name, counts[name]


def attempt(module: str, name: str, parameters: int = 0) -> Trial:
    """Train a small multi-task model for a step with a timm encoder, and predict an image."""
    start = time.perf_counter()
    torch.manual_seed(0)
    strides: Any = ()
    divisor, outcome, message = 0, "works", ""
    try:
        init_default_scope("mmseg")
        network = build_network(model_config(name), name)
        strides, divisor = encoder_spec(network.backbone).strides, network.size_divisor
        train_once(network)
        predict_once(network)
    except ConfigError as error:
        outcome, message = "refused", str(error)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        outcome, message = "failed", f"{type(error).__name__}: {error} ({place})"
    return Trial(
        module, name, outcome, parameters, strides, divisor, message, time.perf_counter() - start
    )


def model_config(name: str) -> dict:
    """Return the config of a small multi-task model with a timm encoder."""
    return dict(
        type="MultiTaskSegmentor",
        data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
        backbone=dict(type="TimmEncoder", model_name=name),
        decode_head=dict(
            type="JointHead",
            decoder=dict(type="DeepLabDecoder", channels=8, skip_channels=4),
            task_heads=dict(
                semseg=dict(type="SegmentationHead", num_classes=5),
                depth=dict(type="DepthHead", initial_depth=10.0),
            ),
        ),
    )


def train_once(network: MultiTaskSegmentor) -> None:
    """Take one training step without the update.

    Raises:
        ArithmeticError: the loss or a gradient is not finite, or no gradient reaches the encoder.
    """
    network.train()
    data = network.data_preprocessor(random_batch(network, TRAINED, 2), True)
    total, _ = network.parse_losses(network(**data, mode="loss"))
    total.backward()
    grads = [weight.grad for weight in network.backbone.parameters() if weight.grad is not None]
    if not torch.isfinite(total) or not all(torch.isfinite(grad).all() for grad in grads):
        raise ArithmeticError("the loss or a gradient is not finite")
    if not any(grad.any() for grad in grads):
        raise ArithmeticError("no gradient reaches the encoder")


def predict_once(network: MultiTaskSegmentor) -> None:
    """Predict one image.

    Raises:
        ArithmeticError: a prediction is not finite or not of the image's size.
    """
    network.eval()
    pixels = np.random.default_rng(0).integers(256, size=(3, *PREDICTED), dtype=np.uint8)
    sample = SegDataSample(metainfo=dict(ori_shape=PREDICTED, img_shape=PREDICTED))
    data = network.data_preprocessor(
        dict(inputs=[torch.from_numpy(pixels)], data_samples=[sample]), False
    )
    with torch.no_grad():
        (result,) = network(**data, mode="predict")
    depth, classes = result.pred_depth_map.data, result.pred_sem_seg.data
    if depth.shape[1:] != PREDICTED or classes.shape[1:] != PREDICTED:
        raise ArithmeticError("a prediction is not of the image's size")
    if not torch.isfinite(depth).all():
        raise ArithmeticError("a prediction is not finite")


def report_survey(modules: Sequence[str], path: str, markdown_file: str | None = None) -> None:
    """Try one model of each module and print a row for each, and the counts."""
    modules = list(modules) or timm.list_modules()
    results = list(track(survey(modules, path), "models", len(modules)))
    columns = ["module", "model", "params (M)", "strides", "pads to", "outcome"]
    table = TextTable(columns, [_row(each) for each in results], ("module", "model", "outcome"))
    console = wide_console()
    console.print(table)
    outcomes = [each.outcome for each in results]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in ("works", "refused", "failed"))
    console.print(
        f"{len(results)} modules of timm {timm.__version__}: {counts}. Each trains a step at "
        f"{TRAINED[0]}x{TRAINED[1]} and predicts at {PREDICTED[0]}x{PREDICTED[1]}.",
        highlight=False,
    )
    if markdown_file:
        write_text(markdown_file, table.markdown() + "\n")


def _row(trial: Trial) -> list[str]:
    outcome = f"{trial.outcome}: {trial.message}" if trial.message else trial.outcome
    strides = ", ".join(map(str, trial.strides)) or "-"
    size = f"{trial.parameters / 1e6:.1f}"
    return [trial.module, trial.model, size, strides, str(trial.divisor or "-"), outcome]


def _read(path: str) -> dict[str, Trial]:
    """Return the results of a file by module; none if it does not exist."""
    if not Path(path).exists():
        return {}
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    stored = [json.loads(line) for line in lines]
    trials = [Trial(**{**each, "strides": tuple(each["strides"])}) for each in stored]
    return {trial.module: trial for trial in trials}


def _append(path: str, trial: Trial) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(trial)) + "\n")
