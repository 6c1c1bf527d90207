"""Reading from a GPU without waiting for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class LateFlag:
    """Reads a flag that a device computes, one call later, when it has long been there.

    `bool(flag)` waits until a GPU has done all that was queued, and leaves it without work
    afterwards. Here the copy to the host is queued behind what computes the flag; the next call
    reads it, while the GPU is busy with what was queued since. On other devices the flag is known
    at once.

    >>> LateFlag()(torch.tensor(True), "this step")
    [(True, 'this step')]
    """

    def __init__(self) -> None:
        self._queued: list[tuple[Tensor, torch.cuda.Event, Any]] = []

    def __call__(self, flag: Tensor, what: Any = None) -> list[tuple[bool, Any]]:
        """Take a flag and what it is about; return the flags that are known by now."""
        if flag.device.type != "cuda":
            return [(bool(flag), what)]
        known = self.drain()
        host = torch.empty((), dtype=torch.bool, pin_memory=True)
        host.copy_(flag, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record()
        self._queued.append((host, copied, what))
        return known

    def drain(self) -> list[tuple[bool, Any]]:
        """Return the flags that have not been read; the device is waited for."""
        queued, self._queued = self._queued, []
        for _, copied, _ in queued:
            copied.synchronize()
        return [(bool(host), what) for host, _, what in queued]
