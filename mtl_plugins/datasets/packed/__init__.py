"""Data sets packed into memory-mapped shards, from which a crop reads only its own rows."""

from .packed_dataset import PackedDataset
from .packing import pack_dataset

__all__ = ["PackedDataset", "pack_dataset"]
