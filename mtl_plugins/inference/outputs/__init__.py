"""Predictions as files."""

from .output import OutputFolder, Report

__all__ = ["OutputFolder", "Report"]
