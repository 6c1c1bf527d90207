"""The two formats of checkpoint files: torch's archive, and safetensors."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

FOLDER = 0x10
"""Bit of an archive member's attributes that marks it as a folder."""

SUFFIX = ".safetensors"
META = "meta"
"""Key of a safetensors file's metadata: the checkpoint's `meta`, as JSON."""
NAMES = "names"
"""Key of the names of the weights, in the network's order; the format sorts them."""
CHECKSUM = "checksum"
"""Key of the CRC-32 of everything; the format itself has no checksum."""


def check_archive(path: Path) -> None:
    """Check every member of an archive that torch wrote against its checksum.

    torch writes checksums but never compares them, so it would load numbers that a bad disk or
    copy has changed. Files in torch's format before 1.6 are no archives and have no checksums.

    Raises:
        ValueError: a member is damaged, with its name.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            # torch reads nothing from a folder and would leave its tensors uninitialised.
            folders = [part.filename for part in archive.infolist() if part.external_attr & FOLDER]
    # A damaged directory of the archive raises many types: wrong method, encryption, offset, ...
    except Exception as error:
        raise ValueError(f"the archive is damaged: {error}") from error
    if damaged:
        raise ValueError(f"the checksum of {damaged} is wrong")
    if folders:
        raise ValueError(f"{folders[0]} is marked as a folder")


def write_safetensors(weights: Mapping[str, Tensor], meta: Mapping[str, Any], path: str) -> None:
    """Write weights and the `meta` of a checkpoint, whose values JSON must be able to hold.

    Source of the format: https://huggingface.co/docs/safetensors.

    Raises:
        ImportError: safetensors is not installed.
    """
    # Copies, because safetensors refuses weights that share memory.
    copies = {name: value.detach().clone().contiguous() for name, value in weights.items()}
    metadata = {META: json.dumps(dict(meta)), NAMES: json.dumps(list(weights))}
    metadata[CHECKSUM] = _checksum(metadata, copies)
    Path(path).write_bytes(_package().save(copies, metadata))


def read_safetensors(path: Path, device: Any = "cpu") -> dict[str, Any]:
    """Read the `state_dict` and `meta` of a file; `meta` is empty if another program wrote it.

    Raises:
        ValueError: the file is damaged.
        ImportError: safetensors is not installed.
    """
    package = _package()
    try:
        with package.safe_open(path, framework="pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            names = json.loads(metadata.get(NAMES, "null")) or file.keys()
            weights = {name: file.get_tensor(name) for name in names}
            meta = json.loads(metadata.get(META, "{}"))
        if metadata.get(CHECKSUM) not in (None, _checksum(metadata, weights)):
            raise ValueError("its checksum is wrong")
    except Exception as error:  # the package's error derives from Exception alone
        raise ValueError(str(error)) from error
    return dict(state_dict=weights, meta=meta)


def _checksum(metadata: Mapping[str, str], weights: Mapping[str, Tensor]) -> str:
    """Compute the CRC-32 of texts and numbers, with the weights sorted by name."""
    found = zlib.crc32("".join(metadata.get(key, "") for key in (META, NAMES)).encode())
    for name in sorted(weights):
        value = weights[name]
        found = zlib.crc32(f"{name} {value.dtype} {tuple(value.shape)}".encode(), found)
        found = zlib.crc32(value.cpu().flatten().view(torch.uint8).numpy().data, found)
    return f"{found:08x}"


def _package() -> ModuleType:
    try:
        return import_module("safetensors.torch")
    except ImportError as error:
        raise ImportError(
            f"Files that end in {SUFFIX} need safetensors, which is not installed. Run: pip "
            "install safetensors"
        ) from error
