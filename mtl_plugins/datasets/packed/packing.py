"""Writing of a data set into shards."""

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ...errors import DataError
from ...utils import replaced
from ..dense_dataset import DenseDataset
from ..formats import FORMATS
from ..transforms.loading import check_target_size, nearest
from .layout import (
    ALIGNMENT,
    INDEX,
    VERSION,
    check_content,
    read_json,
    shard_path,
    write_json,
)


def pack_dataset(
    dataset: DenseDataset,
    folder: str,
    source: Mapping[str, Any],
    samples_per_shard: int = 256,
    workers: int = 2,
    progress: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """Write every sample of a data set into memory-mapped shards.

    Images are stored as they are read (float32 where a range of 16 bits is stated), labels as class
    ids, depth and normals as raw values with the arguments of their format, so that only a crop
    needs to be decoded. Every target is decoded once to check it. Existing shards of the same
    source and with the right checksum are kept.

    Args:
        dataset: to pack; with `on_bad_sample='skip'` samples that cannot be read are left out.
        folder: of the shards; created if it does not exist.
        source: config of the data set, as JSON; packed data of another source is replaced.
        samples_per_shard: 256 samples of 512x1024 pixels take about 0.8 GB.
        workers: number of threads that read files.
        progress: called with the number of samples that are done.

    Returns:
        The error message of each sample that was left out.

    Raises:
        DataError: a sample cannot be read, or (skipping) none can.
    """
    os.makedirs(folder, exist_ok=True)
    index_path = os.path.join(folder, INDEX)
    # Without an index the folder is incomplete, as it is while shards are replaced.
    if os.path.exists(index_path):
        os.remove(index_path)
    as_read: dict[str, Any] = json.loads(json.dumps(source))
    numbers = range(0, len(dataset), samples_per_shard)
    shards, skipped, done = [], [], 0
    with ThreadPoolExecutor(workers) as pool:
        for shard, first in enumerate(numbers):
            members = range(first, min(first + samples_per_shard, len(dataset)))
            description = _finished(folder, shard, as_read, members)
            if description is None:
                samples = _read_all(dataset, members, pool, workers)
                description = _write_shard(folder, shard, as_read, members, samples)
            shards.append(len(description["samples"]))
            skipped += description["skipped"]
            done += len(members)
            progress(done)
    if not sum(shards):
        raise DataError(f"No sample of {len(dataset)} could be packed into {folder}.")
    keys = ("classes", "palette", "depth_unit", "image_range", "image_channels")
    metainfo = {key: dataset.metainfo.get(key) for key in keys}
    about = dict(
        version=VERSION,
        metainfo=metainfo,
        targets={target.name: target.to_dict() for target in dataset.targets()},
        resized=sorted(dataset.resized),
        shards=shards,
        source=as_read,
    )
    write_json(index_path, about)
    return skipped


def _finished(folder: str, shard: int, source: dict, members: range) -> dict | None:
    """Return the description of a shard that is already complete, else None."""
    try:
        description = read_json(shard_path(folder, shard, ".json"))
        if description["source"] != source or description["members"] != [*members]:
            return None
        check_content(shard_path(folder, shard, ".bin"), description)
    except (DataError, KeyError):
        return None
    return description


def _read_all(
    dataset: DenseDataset, members: range, pool: ThreadPoolExecutor, workers: int
) -> Iterator[dict | str]:
    """Yield samples as arrays, reading a few ahead; for one that is left out its error message."""
    step = 4 * workers
    for first in range(0, len(members), step):
        yield from pool.map(lambda index: _read(dataset, index), members[first : first + step])


def _read(dataset: DenseDataset, index: int) -> dict | str:
    entry = dataset.get_data_info(index)
    try:
        arrays, decoding = dict(img=dataset.read_image(entry)), {}
        for target in dataset.targets():
            if target.path not in entry:
                continue
            path, raw = entry[target.path], dataset.read_target(entry, target)
            size, resized = arrays["img"].shape[:2], target.name in dataset.resized
            check_target_size(entry, target, raw, size, resized)
            decode: Any = dataset.format_of(entry, target).for_file(path)
            if resized and not decode.local:
                raw = nearest(raw, size)  # as LoadTargets does before it decodes
            decoded = decode(raw, path)
            # Only a dataclass can be built again from its arguments, and a crop must suffice to
            # decode it; otherwise decoded values are stored.
            rebuilt = (
                decode.local
                and is_dataclass(decode)
                and FORMATS.module_dict.get(type(decode).__name__) is type(decode)
            )
            if rebuilt:
                names = [each.name for each in fields(decode) if each.init]
                arguments = {name: getattr(decode, name) for name in names}
                decoding[target.name] = dict(type=type(decode).__name__, **arguments)
            arrays[target.array] = raw if rebuilt else decoded
    except DataError as error:
        if dataset.on_bad_sample == "raise":
            raise
        return str(error)
    paths = {key: value for key, value in entry.items() if key.endswith("_path")}
    return dict(paths=paths, arrays=arrays, decoding=decoding)


def _write_shard(
    folder: str, shard: int, source: dict, members: range, samples: Iterable[dict | str]
) -> dict:
    """Write one shard and its description, and return the description."""
    entries, skipped, position, checksum = [], [], 0, 0
    path = shard_path(folder, shard, ".bin")
    with replaced(path) as unfinished, open(unfinished, "wb") as file:
        for sample in samples:
            if isinstance(sample, str):
                skipped.append(sample)
                continue
            places = {}
            for key, array in sample["arrays"].items():
                data = np.ascontiguousarray(array).tobytes()
                data += bytes(-len(data) % ALIGNMENT)
                places[key] = (position, array.dtype.str, array.shape)
                file.write(data)
                position, checksum = position + len(data), zlib.crc32(data, checksum)
            entries.append(dict(sample["paths"], arrays=places, decoding=sample["decoding"]))
    description = dict(
        version=VERSION,
        source=source,
        members=[*members],
        bytes=position,
        checksum=checksum,
        skipped=skipped,
        samples=entries,
    )
    write_json(shard_path(folder, shard, ".json"), description)
    return description
