"""Models as files that run without this package."""

from .agreement import Agreement, check_predictor
from .exportable import ExportableModel
from .formats import FORMATS, ExportError, save_onnx, save_program

__all__ = [
    "FORMATS",
    "Agreement",
    "ExportError",
    "ExportableModel",
    "check_predictor",
    "save_onnx",
    "save_program",
]
