"""Models at work: predictors, and the inferencer that reads inputs and writes predictions."""

from .bins import DepthBins
from .inferencer import MultiTaskInferencer
from .loading import load_predictor
from .model_info import ModelInfo
from .onnx_predictor import OnnxPredictor
from .output import OutputFolder, Report
from .prediction import Prediction, Predictions
from .predictor import Maps, Predictor
from .program_predictor import ExportedProgramPredictor
from .source import Problem
from .sources import Sources
from .torch_predictor import TorchPredictor

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
]
