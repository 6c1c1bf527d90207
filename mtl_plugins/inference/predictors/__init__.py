"""Models that predict images."""

from .bins import DepthBins
from .loading import load_predictor
from .model_info import ModelInfo, fixed_size
from .onnx_predictor import OnnxPredictor
from .prediction import Prediction, Predictions
from .predictor import Maps, Predictor
from .program_predictor import ExportedProgramPredictor
from .torch_predictor import TorchPredictor

__all__ = [
    "DepthBins",
    "ExportedProgramPredictor",
    "Maps",
    "ModelInfo",
    "OnnxPredictor",
    "Prediction",
    "Predictions",
    "Predictor",
    "TorchPredictor",
    "fixed_size",
    "load_predictor",
]
