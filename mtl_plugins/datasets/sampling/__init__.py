"""Which samples come in which order."""

from .sample_index import seed_all, seeded
from .seeded_sampler import SeededSampler

__all__ = ["SeededSampler", "seed_all", "seeded"]
