"""Whether packed data is what was written."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ...errors import DataError
from .layout import INDEX, check_size, check_sum, read_description, read_json, shard_path


def verify_packed(folder: str) -> Iterator[tuple[str, str]]:
    """Yield (file, what is wrong with it) after reading every byte of a packed data set."""
    try:
        index = read_json(os.path.join(folder, INDEX))
    except DataError as error:
        yield os.path.join(folder, INDEX), str(error)
        return
    for shard in range(len(index["shards"])):
        path = shard_path(folder, shard, ".json")
        try:
            description = read_description(folder, index, shard)
            path = shard_path(folder, shard, ".bin")
            check_size(path, description["bytes"])
            check_sum(path, description["checksum"])
        except DataError as error:
            yield path, str(error)
