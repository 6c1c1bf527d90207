"""The installed stack, plugins, and names of earlier versions."""

from .compat import FAMILIES, prepare_stack
from .plugins import load_plugins
from .processor import cpu_name
from .started import INFO, NEW_PLUGIN, started_module

__all__ = [
    "FAMILIES",
    "INFO",
    "NEW_PLUGIN",
    "cpu_name",
    "load_plugins",
    "prepare_stack",
    "started_module",
]
