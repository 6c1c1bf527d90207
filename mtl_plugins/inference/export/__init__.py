"""Export of models into files that run without this package."""

from .agreement import LIMITS, Agreement, check_predictor, default_batches, random_image, worst
from .command import export
from .formats import FORMATS, save_onnx, save_program
from .tracing import ExportableModel, ExportError

__all__ = [
    "FORMATS",
    "LIMITS",
    "Agreement",
    "ExportError",
    "ExportableModel",
    "check_predictor",
    "default_batches",
    "export",
    "random_image",
    "save_onnx",
    "save_program",
    "worst",
]
