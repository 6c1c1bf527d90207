"""The files of a packed data set, and how they are written and checked.

index.json          written last: version, metainfo, kinds of target, shards, source
shard-00000.bin     the arrays of some samples one after the other, each at a multiple of 64
shard-00000.json    where each array lies, how it is decoded; size and checksum of the .bin

Every .json ends with the checksum of its other content.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

from ...errors import DataError
from ...utils import did_you_mean_path

VERSION = 2
"""Of the layout; another one is refused."""

INDEX = "index.json"

ALIGNMENT = 64
"""Bytes; arrays begin at a multiple of it, so that every type can be mapped."""

CHECKSUM = "json_checksum"
"""Key of the CRC-32 of a .json file's other content."""

REMEDY = "Run tools/pack_data.py with the same arguments again; it replaces what is damaged."


def shard_path(folder: str, number: int, suffix: str) -> str:
    """Return a shard's file: ".bin" (arrays) or ".json" (where they lie)."""
    return os.path.join(folder, f"shard-{number:05d}{suffix}")


def write_json(path: str, content: dict) -> None:
    """Write a JSON file so that it is there whole or not at all."""
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(dict(content, **{CHECKSUM: _content_sum(content)}), file)
        commit(file, path)


def commit(file: Any, path: str) -> None:
    """Give a written temporary file its name, once its bytes are on the disk."""
    file.flush()
    os.fsync(file.fileno())
    os.replace(file.name, path)


def read_json(path: str) -> dict:
    """Return the content of an index or of a shard's description.

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
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise DataError(f"{path} is not of version {VERSION} of the packed layout. {REMEDY}")
    if content.pop(CHECKSUM, None) != _content_sum(content):
        raise DataError(f"{path} is damaged: it changed after it was written. {REMEDY}")
    return content


def read_description(folder: str, index: dict, shard: int) -> dict:
    """Return what is in a shard of the data set that `index` describes.

    Raises:
        DataError: the description is missing or damaged, or that of another data set's shard.
    """
    path = shard_path(folder, shard, ".json")
    description = read_json(path)
    found = description["source"], len(description["samples"])
    if found != (index["source"], index["shards"][shard]):
        raise DataError(f"{path} belongs to another data set than {INDEX} beside it. {REMEDY}")
    return description


def _content_sum(content: dict) -> int:
    """Return the CRC-32 of what a JSON file says, however it is laid out."""
    return zlib.crc32(json.dumps(content).encode())


def check_size(path: str, size: int) -> None:
    """Raise a `DataError` where a shard is missing or has not as many bytes as were written."""
    found = os.path.getsize(path) if os.path.isfile(path) else None
    if found != size:
        state = "does not exist" if found is None else f"has {found} bytes"
        raise DataError(f"{path} {state}; expected {size} bytes. {REMEDY}")


def check_sum(path: str, checksum: int) -> None:
    """Raise a `DataError` where a shard's CRC-32 is not the one that was written."""
    found = 0
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
