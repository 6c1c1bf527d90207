"""Reading a packed data set."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from typing import Any

import numpy as np
from mmseg.registry import DATASETS

from ...errors import DataError
from ...targets import DenseTarget
from ..dense_dataset import DenseDataset
from ..formats.target_format import TargetFormat
from ..formats.target_formats import TARGET_FORMATS
from ..formats.value_format import ValueFormat
from .layout import INDEX, REMEDY, check_size, read_description, read_json, shard_path
from .stored_format import StoredFormat
from .verification import verify_packed


class PackedSample:
    """Where the arrays of one sample lie in a mapped shard."""

    def __init__(
        self, path: str, shard: np.ndarray, arrays: dict, decoding: dict, num_classes: int
    ) -> None:
        self.path = path
        self.shard = shard
        self.arrays = arrays
        self.decoding = decoding
        self.num_classes = num_classes

    def image(self) -> np.ndarray:
        """Return H,W,3 uint8 BGR, a read-only view: nothing is read before it is looked at."""
        return self._view("img")

    def target(self, target: DenseTarget) -> tuple[np.ndarray, TargetFormat]:
        """Return a target as it is stored, a view, and how to decode it."""
        arguments = self.decoding.get(target.kind)
        decode = None if arguments is None else _format(target.kind, json.dumps(arguments))
        stored = StoredFormat(self.path, target, self.num_classes, decode)
        return self._view(target.array), stored

    def _view(self, key: str) -> np.ndarray:
        offset, dtype, shape = self.arrays[key]
        size = np.dtype(dtype).itemsize * math.prod(shape)
        stored = self.shard[offset : offset + size]
        if len(stored) < size:
            raise DataError(f"{self.path} ends within a sample: it was replaced. {REMEDY}")
        return stored.view(dtype).reshape(shape)


@lru_cache(64)
def _format(kind: str, arguments: str) -> TargetFormat:
    """Return one format for all files of the same arguments: its tables are made once."""
    return TARGET_FORMATS.get(kind, ValueFormat)(**json.loads(arguments))


class MappedShards:
    """The shards of a folder, each mapped into memory when it is first needed.

    Mapped pages belong to the page cache: all workers and processes share them.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._maps: dict[int, mmap] = {}

    def __getitem__(self, shard: int) -> np.ndarray:
        path = shard_path(self.folder, shard, ".bin")
        try:
            if shard not in self._maps:
                with open(path, "rb") as file:
                    self._maps[shard] = mmap(file.fileno(), 0, access=ACCESS_READ)
            mapped = self._maps[shard]
            size = mapped.size()
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}. {REMEDY}") from error
        # Reading a page behind the end of a file kills the process. (A file that is deleted or
        # replaced stays as it was for those who have mapped it.)
        if size < len(mapped):
            raise DataError(
                f"{path} was cut off to {size} of {len(mapped)} bytes while it was in use. {REMEDY}"
            )
        return np.frombuffer(mapped, np.uint8)

    def __getstate__(self) -> dict:
        # Another process maps the files itself instead of being sent their bytes.
        return dict(folder=self.folder, _maps={})


@DATASETS.register_module()
class PackedDataset(DenseDataset):
    """The samples of a folder that `tools/pack_data.py` wrote: the same as of its source.

    Classes, decoding and paths come from the folder. A pipeline is written as for files; with
    `LoadTargets(decode=False)`, a crop and then `DecodeTargets` only the crop is read and decoded.

    Args:
        data_root: the folder with `index.json`.
        kwargs: as in `DenseDataset` (pipeline, indices, test_mode, ...).

    Raises:
        DataError: the folder is not packed to the end, or a shard is missing or has the wrong
            size. Checksums cost reading everything, and are compared by `verify`.
    """

    def __init__(self, data_root: str, **kwargs: Any) -> None:
        self.index = read_json(os.path.join(data_root, INDEX))
        self.shards = MappedShards(data_root)
        self.formats = {}
        stored = self.index["metainfo"]
        metainfo = dict(classes=tuple(stored["classes"]), palette=stored["palette"])
        self.num_classes = len(metainfo["classes"])
        unit = stored["depth_unit"]
        super().__init__(data_root=data_root, metainfo=metainfo, depth_unit=unit, **kwargs)

    def has_target(self, target: DenseTarget) -> bool:
        """Return whether the samples have this kind of target."""
        return target.kind in self.index["targets"]

    def load_data_list(self) -> list[dict]:
        """Return one entry a sample."""
        entries = []
        for shard in range(len(self.index["shards"])):
            description = read_description(self.shards.folder, self.index, shard)
            check_size(shard_path(self.shards.folder, shard, ".bin"), description["bytes"])
            entries += [dict(entry, shard=shard) for entry in description["samples"]]
        return entries

    def get_data_info(self, idx: int) -> dict:
        """Return one entry with its `PackedSample`."""
        info = super().get_data_info(idx)
        shard, arrays, decoding = info.pop("shard"), info.pop("arrays"), info.pop("decoding")
        path = shard_path(self.shards.folder, shard, ".bin")
        mapped = self.shards[shard]
        info.update(packed=PackedSample(path, mapped, arrays, decoding, self.num_classes))
        return info

    def verify(self) -> Iterator[str]:
        """Yield what is wrong with the shards, after reading every byte of them."""
        yield from (problem for _, problem in verify_packed(self.shards.folder))
