"""Check and repair the installed stack, load plugins, keep old import paths working."""

from . import compat, plugins
from .compat import FAMILIES, package_lookup, prepare_stack
from .moved import check_gone, keep_old_imports, moved_attribute
from .plugins import load_plugins
from .process import INFO, cpu_name, started_module

__all__ = [
    "FAMILIES",
    "INFO",
    "check_gone",
    "compat",
    "cpu_name",
    "keep_old_imports",
    "load_plugins",
    "moved_attribute",
    "package_lookup",
    "plugins",
    "prepare_stack",
    "started_module",
]
