"""Data sets packed into memory-mapped shards, from which a crop reads only its own rows."""

from .packed_dataset import PackedDataset
from .packing import pack_dataset
from .verification import verify_packed

__all__ = ["PackedDataset", "pack_dataset", "verify_packed"]
