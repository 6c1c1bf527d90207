"""Rows of the benchmark, one file a row; see `Row`."""

__all__ = []
