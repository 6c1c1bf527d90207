"""Training in several processes."""

from .processes import LostProcessError
from .sharded_model import ShardedModel

__all__ = ["LostProcessError", "ShardedModel"]
