"""Prediction: the inferencer reads inputs, predicts and writes files; predictors run the models."""

from typing import Any

from ..install import moved_attribute
from .descriptions import metainfo_of, targets_of
from .exported_predictor import ExportedProgramPredictor, OnnxPredictor
from .inferencer import MultiTaskInferencer, load_predictor, predict
from .inputs import Problem, Sources
from .kinds import KINDS
from .model_info import ModelInfo
from .output import OutputFolder, Report, encode_depth
from .predictor import DepthBins, Maps, Prediction, Predictions, Predictor
from .torch_predictor import TorchPredictor

__all__ = [
    "KINDS",
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
    "encode_depth",
    "load_predictor",
    "metainfo_of",
    "predict",
    "targets_of",
]


def __getattr__(name: str) -> Any:
    """Return a name that moved elsewhere after version 0.1."""
    return moved_attribute(__name__, name)
