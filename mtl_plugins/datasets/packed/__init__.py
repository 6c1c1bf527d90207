"""Data sets packed into memory-mapped shards, from which a crop reads only its own rows."""

from .layout import INDEX, read_json
from .packed_dataset import PackedDataset
from .packing import pack_dataset
from .verification import verify_packed

__all__ = ["INDEX", "PackedDataset", "pack_dataset", "read_json", "verify_packed"]
