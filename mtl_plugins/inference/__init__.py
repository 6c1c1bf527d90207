"""Models at work: predictors, and the inferencer that reads inputs and writes predictions."""

from typing import Any

from ..install import moved_attribute
from .command import predict
from .inferencer import MultiTaskInferencer
from .inputs import Problem, Sources
from .outputs import OutputFolder, Report
from .predictors import (
    DepthBins,
    ExportedProgramPredictor,
    Maps,
    ModelInfo,
    OnnxPredictor,
    Prediction,
    Predictions,
    Predictor,
    TorchPredictor,
    load_predictor,
)

__all__ = [
    "DepthBins",
    "ExportedProgramPredictor",
    "Maps",
    "ModelInfo",
    "MultiTaskInferencer",
    "OnnxPredictor",
    "OutputFolder",
    "Prediction",
    "Predictions",
    "Predictor",
    "Problem",
    "Report",
    "Sources",
    "TorchPredictor",
    "load_predictor",
    "predict",
]


def __getattr__(name: str) -> Any:
    """Return a name that moved elsewhere after version 0.1."""
    return moved_attribute(__name__, name)
