"""Packages that only some ways of running a model need."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def needed(package: str) -> ModuleType:
    """Import one of the packages of the extra [export].

    Raises:
        ImportError: it is not installed; with the command that installs it.

    >>> needed("json").__name__
    'json'
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"This needs {package}, which cannot be imported ({error}). Run: pip install "
            '"mtl_plugins[export]", or: pip install onnx onnxruntime onnxscript'
        ) from error
