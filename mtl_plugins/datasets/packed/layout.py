"""The files of a packed data set: layout, writing of descriptions, and checks.

index.json          written last: version, metainfo, targets, shards, source
shard-00000.bin     the arrays of some samples one after the other, each at a multiple of 64 bytes
shard-00000.json    offset and format of each array; size and checksum of the .bin

Every .json file ends with the checksum of its other content.
"""

import json
import os
import zlib
from collections.abc import Iterator

from ...errors import DataError
from ...utils import did_you_mean_path, replaced

VERSION = 3
"""Version of the layout that is written."""

READABLE = (2, 3)
"""Versions that are read. Version 2 has a list of the names of predefined targets."""

INDEX = "index.json"

ALIGNMENT = 64
"""Arrays begin at a multiple of this number of bytes, so that any dtype can be mapped."""

CHECKSUM = "json_checksum"
"""Key of the CRC-32 of a .json file's other content."""

REMEDY = "Run tools/pack_data.py with the same arguments again; it replaces what is damaged."


def shard_path(folder: str, number: int, suffix: str) -> str:
    """Return the path of a shard's file: ".bin" (arrays) or ".json" (their description)."""
    return os.path.join(folder, f"shard-{number:05d}{suffix}")


def write_json(path: str, content: dict) -> None:
    """Write a JSON file with its checksum, completely or not at all."""
    with replaced(path) as unfinished, open(unfinished, "w", encoding="utf-8") as file:
        json.dump(dict(content, **{CHECKSUM: _content_sum(content)}), file)


def read_json(path: str) -> dict:
    """Read an index or a shard's description.

    Raises:
        DataError: the file is missing, damaged or of another version.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError as error:
        hint = did_you_mean_path(path)
        raise DataError(
            f"{path} does not exist: the data set is not packed, or not to the end. Pack it with "
            f"tools/pack_data.py; that goes on where it was stopped. {hint}".rstrip()
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error}. {REMEDY}") from error
    if not isinstance(content, dict) or content.get("version") not in READABLE:
        raise DataError(f"{path} is not of version {VERSION} of the packed layout. {REMEDY}")
    if content.pop(CHECKSUM, None) != _content_sum(content):
        raise DataError(f"{path} is damaged: it changed after it was written. {REMEDY}")
    if isinstance(content.get("targets"), list):  # version 2
        content["targets"] = {name: {} for name in content["targets"]}
    return content


def read_description(folder: str, index: dict, shard: int) -> dict:
    """Read the description of a shard of the data set that `index` describes.

    Raises:
        DataError: the description is missing, damaged, or belongs to another data set.
    """
    path = shard_path(folder, shard, ".json")
    description = read_json(path)
    found = description["source"], len(description["samples"])
    if found != (index["source"], index["shards"][shard]):
        raise DataError(f"{path} belongs to another data set than {INDEX} beside it. {REMEDY}")
    return description


def _content_sum(content: dict) -> int:
    """Return the CRC-32 of a JSON file's content, independent of white space."""
    return zlib.crc32(json.dumps(content).encode())


def check_size(path: str, size: int) -> None:
    """Raise a `DataError` if a shard is missing or has another size than was written."""
    found = os.path.getsize(path) if os.path.isfile(path) else None
    if found != size:
        state = "does not exist" if found is None else f"has {found} bytes"
        raise DataError(f"{path} {state}; expected {size} bytes. {REMEDY}")


def check_content(path: str, description: dict) -> None:
    """Raise a `DataError` if a shard has another size or CRC-32 than was written."""
    check_size(path, description["bytes"])
    found, checksum = 0, description["checksum"]
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 22):
                found = zlib.crc32(block, found)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}. {REMEDY}") from error
    if found != checksum:
        raise DataError(
            f"{path} has the checksum {found:08x}; expected {checksum:08x}. Bytes of it changed "
            f"after it was written. {REMEDY}"
        )


def verify_packed(folder: str) -> Iterator[tuple[str, str]]:
    """Read every byte of a packed data set, and yield (file, problem) for each damaged file."""
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
            check_content(path, description)
        except DataError as error:
            yield path, str(error)
