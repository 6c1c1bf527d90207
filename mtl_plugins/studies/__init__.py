"""Several runs: ladders and sweeps."""

from .sweep_hook import SweepHook

__all__ = ["SweepHook"]
