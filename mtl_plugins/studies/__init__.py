"""Several runs: ladders and sweeps; and what the tasks of one do to each other."""

from .affinity import AffinityHook
from .sweep_hook import SweepHook

__all__ = ["AffinityHook", "SweepHook"]
