"""Errors that a user can fix from the message alone: what was given, expected, and what to do."""

from __future__ import annotations


class MTLError(Exception):
    """Base class; commands print its message without a traceback and end with its `exit_code`."""

    exit_code = 1


class DataError(MTLError, ValueError):
    """A data set or one of its files is not what its config says."""


class ConfigError(MTLError, ValueError):
    """A config names something that does not exist or cannot be."""


class WeightsError(MTLError, RuntimeError):
    """Weights cannot be fetched, or are not those of the network that should get them."""
