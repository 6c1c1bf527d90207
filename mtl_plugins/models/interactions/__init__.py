"""Interactions: what the tasks tell each other between their decoders and their heads."""

from .interaction import Interaction
from .spatial_gates import SpatialGates

__all__ = ["Interaction", "SpatialGates"]
