"""The name of this machine's processor."""

from __future__ import annotations

import os
import platform

CPU_INFO = "/proc/cpuinfo"


def cpu_name() -> str:
    """Return the model of the CPU, or what the platform tells of it."""
    # Linux alone tells the name of the model, and Python has no function for it.
    if os.path.isfile(CPU_INFO):
        with open(CPU_INFO, encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    return platform.processor() or platform.machine()
