"""How task losses are weighed against each other."""

from .fixed import FixedWeights

__all__ = ["FixedWeights"]
