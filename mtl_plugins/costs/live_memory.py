"""How much memory tensors take at most while something runs, on any device."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):
    """Account for the memory of all tensors that operations inside the context create.

    Every result of every operation, forward and backward, is seen; its storage counts from then
    until it is freed, once however many views it has. Scratch space that an operation takes and
    gives back inside itself is not seen.

    Args:
        held: tensors, in any nesting of lists and dicts, that are there from the beginning.

    Attributes:
        now, peak: bytes that are live, and the most that were live at any time.

    >>> weight = torch.zeros(10)
    >>> with LiveMemory([weight]) as memory:
    ...     row = torch.ones(4) * 2
    >>> memory.now, memory.peak
    (56, 72)
    """

    def __init__(self, held: Any = ()) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self._live: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        self._add(held)

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self._add(result)
        return result

    def _add(self, tensors: Any) -> None:
        for tensor in tree_leaves(tensors):
            if not isinstance(tensor, Tensor):
                continue
            # Torch keeps one Python object a storage for as long as anything uses the storage.
            storage = tensor.untyped_storage()
            if storage not in self._live:
                self._live.add(storage)
                self._change(storage.nbytes())
                weakref.finalize(storage, self._change, -storage.nbytes())

    def _change(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)


def peak_memory(run: Callable[[], Any], held: Any, device: torch.device) -> int:
    """Return the most bytes that tensors take on a device while `run` is called.

    On CUDA what torch's allocator handed out at most (`torch.cuda.max_memory_allocated`), which
    includes operations' scratch space; elsewhere as `LiveMemory` counts.

    Args:
        run: what is measured; what it returns is freed.
        held: tensors that are there before (parameters, buffers, optimizer state), in any
            nesting of lists and dicts. Not needed on CUDA.
        device: where `run` computes.

    >>> peak_memory(lambda: torch.ones(4) * 2, [], torch.device('cpu'))
    32
    """
    if device.type == "cuda":
        gc.collect()  # what an earlier measurement left in reference cycles is not ours
        torch.cuda.reset_peak_memory_stats(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    with LiveMemory(held) as memory:
        run()
    return memory.peak
