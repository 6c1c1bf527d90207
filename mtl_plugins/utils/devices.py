"""Devices that models run on, and the wrappers that spread models over several."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import is_model_wrapper
from torch import nn

from ..errors import ConfigError
from ..install import cpu_name

DTYPES = ("auto", "bfloat16", "float16")


def machine_name(device: str) -> str:
    """Describe the machine of a measurement on "cpu" or "cuda": processor, threads, torch."""
    if device == "cuda":
        processor = torch.cuda.get_device_name()
    else:
        processor = f"{cpu_name()} (threads used: {torch.get_num_threads()})"
    return f"{processor}, torch {torch.__version__}"


def choose_dtype(dtype: str, device_type: str) -> torch.dtype:
    """Choose the type that `AutocastOptimWrapper(dtype=...)` computes in on a kind of device.

    Raises:
        ConfigError: `dtype` is none of `DTYPES`, or is float16 on anything but CUDA.
    """
    if dtype not in DTYPES:
        raise ConfigError(
            f"AutocastOptimWrapper got dtype={dtype!r}, expected one of {DTYPES}: "
            "for training in float32 use OptimWrapper."
        )
    if dtype == "auto":
        # Older GPUs emulate bfloat16, slower than float32.
        emulated = device_type == "cuda" and not torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        dtype = "float16" if emulated else "bfloat16"
    if dtype == "float16" and device_type != "cuda":
        raise ConfigError(
            f"AutocastOptimWrapper got dtype='float16' with parameters on {device_type!r}, "
            "expected them on 'cuda', where the loss is scaled against underflow: "
            "use dtype='auto' or 'bfloat16'."
        )
    return torch.float16 if dtype == "float16" else torch.bfloat16


def unwrapped(model: nn.Module) -> Any:
    """Return the model inside a wrapper such as DDP, or the model itself if there is no wrapper."""
    return model.module if is_model_wrapper(model) else model
