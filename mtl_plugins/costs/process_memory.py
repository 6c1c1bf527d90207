"""How much memory this process has taken at most."""

from __future__ import annotations

import torch

STATUS = "/proc/self/status"


def process_peak_bytes() -> tuple[int | None, str]:
    """Return the most bytes that were taken at any time, and what is counted.

    On CUDA what torch's allocator handed out at most; elsewhere the process' resident set, Python
    and all libraries included, without the loader's workers. None where the system does not tell.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated(), "CUDA allocator"
    try:
        # resource.getrusage would count what the process that started this one took.
        with open(STATUS, encoding="utf-8") as lines:
            peak = next((line for line in lines if line.startswith("VmHWM:")), None)
    except OSError:
        peak = None
    return (int(peak.split()[1]) * 1024 if peak else None), "resident set"
