"""Checkpoints as safetensors: weights and what belongs to them, without anything to execute."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

SUFFIX = ".safetensors"
META = "meta"
"""Under this key of the file's metadata stands a checkpoint's `meta`, as JSON."""
NAMES = "names"
"""Under this one the names of the weights, in their order."""
CHECKSUM = "checksum"
"""Under this one the CRC-32 of all of it, which the format itself does not have."""


def write_safetensors(weights: Mapping[str, Tensor], meta: Mapping[str, Any], path: str) -> None:
    """Write weights and the `meta` of a checkpoint (values that JSON knows).

    Source of the format: https://huggingface.co/docs/safetensors.

    Raises:
        ImportError: safetensors is not installed.
    """
    # Copies: safetensors refuses weights that share memory. It also sorts them.
    copies = {name: value.detach().clone().contiguous() for name, value in weights.items()}
    metadata = {META: json.dumps(dict(meta)), NAMES: json.dumps(list(weights))}
    metadata[CHECKSUM] = _checksum(metadata, copies)
    Path(path).write_bytes(_package().save(copies, metadata))


def read_safetensors(path: Path, device: Any = "cpu") -> dict[str, Any]:
    """Return a file's `state_dict` and `meta` (empty where the file is not of ours).

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
    except Exception as error:  # the package's own error is no subclass of any other
        raise ValueError(str(error)) from error
    return dict(state_dict=weights, meta=meta)


def _checksum(metadata: Mapping[str, str], weights: Mapping[str, Tensor]) -> str:
    """Return the CRC-32 of texts and numbers, the weights in the order of their names."""
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
