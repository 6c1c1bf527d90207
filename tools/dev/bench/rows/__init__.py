"""One file a row; see `Row`."""

__all__ = []
