"""Models at work: predictors, exports."""

from .model_info import ModelInfo
from .onnx_predictor import OnnxPredictor
from .predictor import Maps, Predictor
from .program_predictor import ExportedProgramPredictor

__all__ = ["ExportedProgramPredictor", "Maps", "ModelInfo", "OnnxPredictor", "Predictor"]
