"""Models as files that run without this package."""

from .agreement import Agreement, check_predictor, default_batches, random_image
from .agreement_table import LIMITS, worst
from .command import export
from .exportable import ExportableModel
from .formats import FORMATS, save_onnx, save_program
from .tracing import ExportError

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
