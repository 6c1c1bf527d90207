"""From a file to what predicts with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config

from ...errors import ConfigError
from .predictor import Predictor


def load_predictor(
    model: str | Path | Predictor,
    config: str | Path | Config | None = None,
    device: str | torch.device | None = None,
    amp: bool = False,
    options: Sequence[str] = (),
) -> Predictor:
    """Return what predicts with a file: a checkpoint, or by its ending `.onnx` or `.pt2`.

    Imports what the file needs and no more.

    Raises:
        ConfigError: the file is a config, or the other arguments do not belong to it.
    """
    if not isinstance(model, (str, Path)):
        return model
    suffix = Path(model).suffix.lower()
    if suffix == ".py":
        raise ConfigError(
            f"{model} is a config; the model is a checkpoint (.pth), which brings its own, or an "
            f"exported network. Give the checkpoint, and config={str(model)!r} beside it if needed."
        )
    if suffix not in (".onnx", ".pt2"):
        from .torch_predictor import TorchPredictor

        return TorchPredictor(model, config, device, amp, options)
    if config is not None or amp or options:
        raise ConfigError(f"{model} is an exported network: config, options and amp are built in.")
    if suffix == ".onnx":
        from .onnx_predictor import OnnxPredictor

        return OnnxPredictor(model, device=device)
    from .program_predictor import ExportedProgramPredictor

    return ExportedProgramPredictor(model, device=device)
