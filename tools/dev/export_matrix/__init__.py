"""Which models every export format takes."""

from .matrix import networks
from .matrix_table import report_exports

__all__ = ["networks", "report_exports"]
