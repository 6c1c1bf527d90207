"""Reading of packed data sets."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from typing import Any

import numpy as np
from mmseg.registry import DATASETS

from ...errors import ConfigError, DataError
from ...models.preprocessing import RGB_CHANNELS
from ...targets import Target
from ..contract import target_breach
from ..dense_dataset import DenseDataset
from ..formats import FORMATS, TargetFormat
from ..inherited import refuse_arguments
from ..pipeline_check import within
from ..transforms import SourceTransform
from .layout import (
    INDEX,
    REMEDY,
    check_size,
    read_description,
    read_json,
    shard_path,
    verify_packed,
)

FIXED = (
    "ann_file", "backend_args", "data_prefix", "depth_unit", "image_channels", "image_range",
    "img_suffix", "metainfo", "seg_map_suffix",
)  # fmt: skip
"""Arguments of other data sets that say what was packed."""


@dataclass
class StoredFormat(TargetFormat):
    """Decode the values of a target in a shard, and blame the shard for errors.

    All values were decoded once while packing, so an error now means that the shard changed.

    Args:
        shard: path of the shard.
        stored: the target.
        decode: the format of raw values; None if decoded values were packed, which are checked
            and copied.
    """

    shard: str
    stored: Target
    decode: TargetFormat | None

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode the stored values of the packed file `path`."""
        try:
            if self.decode is not None:
                return self.decode(raw, path)
        except DataError as error:
            raise self._damaged(str(error)) from error
        breach = target_breach(self.stored, raw)
        if breach:
            raise self._damaged(f"{path} {breach}.")
        # The mapping is read-only, and a later transform may write.
        return raw.copy()

    def _damaged(self, reason: str) -> DataError:
        return DataError(
            f"{self.shard} is damaged: when it was packed, this was not so: {reason} {REMEDY}"
        )

    def for_file(self, path: str) -> TargetFormat:
        """Return the format of the raw values, if there is one."""
        return self if self.decode is None else self.decode.for_file(path)


@lru_cache(64)
def _format(stored: str) -> TargetFormat:
    """Build a format once for all samples with the same arguments, as its tables are large."""
    arguments = json.loads(stored)
    name = arguments.pop("type")
    if name not in FORMATS.module_dict:
        raise ConfigError(
            f"The data was packed with the format {name}, which is not registered. Import the "
            "module that defines it (custom_imports), or pack the data again."
        )
    return FORMATS.module_dict[name](**arguments)


class MappedShards:
    """Map the shards of a folder into memory, each when it is first used.

    Mapped pages belong to the page cache, which all workers and processes share.
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
        # Reading a page behind the end of a file kills the process (SIGBUS). A file that is
        # deleted or replaced stays readable where it is mapped.
        if size < len(mapped):
            raise DataError(
                f"{path} was cut off to {size} of {len(mapped)} bytes while it was in use. {REMEDY}"
            )
        return np.frombuffer(mapped, np.uint8)

    def __getstate__(self) -> dict:
        # Another process maps the files itself; their bytes are not pickled.
        return dict(folder=self.folder, _maps={})


@DATASETS.register_module()
class PackedDataset(DenseDataset):
    """Read a folder that `tools/pack_data.py` wrote; samples equal those of the source bit for bit.

    Classes, formats and paths come from the folder. The pipeline is the same as for files; with
    `LoadTargets(decode=False)`, a crop and then `DecodeTargets` only the crop is read and decoded.

    Args:
        data_root: the folder with `index.json`.
        kwargs: as in `DenseDataset` (pipeline, indices, test_mode, ...).

    Raises:
        ConfigError: an argument says what was packed, or a transform reads other files.
        DataError: packing was not completed, or a shard is missing or has the wrong size.
            Only `verify` compares checksums, because that reads everything.
    """

    def __init__(self, data_root: str, **kwargs: Any) -> None:
        data_root = os.path.expanduser(data_root)
        reason = f"it follows from the data that was packed into {data_root}."
        refuse_arguments(self, kwargs, FIXED, reason)
        self.index = read_json(os.path.join(data_root, INDEX))
        self.shards = MappedShards(data_root)
        stored = self.index["metainfo"]
        self.declared = self.index["targets"]
        metainfo = dict(classes=tuple(stored["classes"]), palette=stored["palette"])
        same = dict(
            depth_unit=stored["depth_unit"],
            image_range=stored.get("image_range"),
            image_channels=stored.get("image_channels") or RGB_CHANNELS,
        )
        self.resized = self.index.get("resized", ())
        super().__init__(data_root=data_root, metainfo=metainfo, **same, **kwargs)
        for transform in within(self.pipeline.transforms):
            name = type(transform).__name__
            if name.startswith("Load") and not isinstance(transform, SourceTransform):
                raise ConfigError(
                    f"PackedDataset: {name} reads files, not what was packed from them. Use "
                    "LoadImage and LoadTargets."
                )

    def has_target(self, target: Target) -> bool:
        return target.name in self.index["targets"]

    def load_data_list(self) -> list[dict]:
        entries = []
        for shard in range(len(self.index["shards"])):
            description = read_description(self.shards.folder, self.index, shard)
            check_size(shard_path(self.shards.folder, shard, ".bin"), description["bytes"])
            entries += [dict(entry, shard=shard) for entry in description["samples"]]
        return entries

    def read_image(self, entry: dict, backend_args: dict | None = None) -> np.ndarray:
        """Return the image as it was read, a read-only view: only pixels that are used are read."""
        return self._view(entry, "img")

    def read_target(
        self, entry: dict, target: Target, backend_args: dict | None = None
    ) -> np.ndarray:
        """Return a target's stored values, as a read-only view."""
        return self._view(entry, target.array)

    def format_of(self, entry: dict, target: Target) -> TargetFormat:
        """Return the format of a target's stored values."""
        arguments = entry["packed"]["decoding"].get(target.name)
        decode = None
        if arguments is not None:
            # Version 2 stored only the arguments of the predefined targets' formats.
            first = dict(type="NormalFormat" if target.vector else "DepthFormat")
            decode = _format(json.dumps(first | arguments))
        return StoredFormat(self._shard_path(entry), target, decode)

    def get_data_info(self, idx: int) -> dict:
        info = super().get_data_info(idx)
        info["packed"] = {key: info.pop(key) for key in ("shard", "arrays", "decoding")}
        return info

    def _shard_path(self, entry: dict) -> str:
        return shard_path(self.shards.folder, entry["packed"]["shard"], ".bin")

    def _view(self, entry: dict, key: str) -> np.ndarray:
        packed = entry["packed"]
        offset, dtype, shape = packed["arrays"][key]
        size = np.dtype(dtype).itemsize * math.prod(shape)
        stored = self.shards[packed["shard"]][offset : offset + size]
        if len(stored) < size:
            raise DataError(
                f"{self._shard_path(entry)} ends within a sample: it was replaced. {REMEDY}"
            )
        return stored.view(dtype).reshape(shape)

    def verify(self) -> Iterator[str]:
        """Read every byte of the shards, and yield a message for each damaged file."""
        yield from (problem for _, problem in verify_packed(self.shards.folder))
