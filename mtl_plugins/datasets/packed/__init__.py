"""Data sets packed into memory-mapped shards, of which a crop reads only its own rows."""

from .layout import INDEX, read_json, verify_packed
from .packed_dataset import PackedDataset
from .packing import pack_dataset

__all__ = ["INDEX", "PackedDataset", "pack_dataset", "read_json", "verify_packed"]
