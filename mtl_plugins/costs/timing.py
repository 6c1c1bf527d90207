"""The time of a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch


def seconds_of(step: Callable[[dict], Any], data: dict, device: torch.device) -> float:
    """Return the time of one step, work that the device does later included."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    step(data)
    wait()
    return time.perf_counter() - start
