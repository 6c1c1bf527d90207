"""Models as files that run without this package."""

from .agreement import Agreement, check_predictor
from .exportable import ExportableModel
from .formats import FORMATS, save_onnx, save_program
from .tracing import ExportError

__all__ = [
    "FORMATS",
    "Agreement",
    "ExportError",
    "ExportableModel",
    "check_predictor",
    "save_onnx",
    "save_program",
]
