"""What a measurement was made on."""

from __future__ import annotations

import torch

from ..install import cpu_name


def machine_name(device: str) -> str:
    """Return the processor's name (of the "cpu" or "cuda" device), threads and torch's version."""
    if device == "cuda":
        processor = torch.cuda.get_device_name()
    else:
        processor = f"{cpu_name()} (threads used: {torch.get_num_threads()})"
    return f"{processor}, torch {torch.__version__}"
