"""Images, folders and videos to predict."""

from .source import Problem
from .sources import Sources

__all__ = ["Problem", "Sources"]
