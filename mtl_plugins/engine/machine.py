"""What a measurement was made on."""

from __future__ import annotations

import os
import platform

import torch

CPU_INFO = "/proc/cpuinfo"


def machine_name(device: str) -> str:
    """Return the processor's name (of the "cpu" or "cuda" device), threads and torch's version."""
    if device == "cuda":
        processor = torch.cuda.get_device_name()
    else:
        processor = f"{_cpu_name()} (threads used: {torch.get_num_threads()})"
    return f"{processor}, torch {torch.__version__}"


def _cpu_name() -> str:
    # Linux alone tells the name of the model, and Python has no function for it.
    if os.path.isfile(CPU_INFO):
        with open(CPU_INFO, encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    return platform.processor() or platform.machine()
