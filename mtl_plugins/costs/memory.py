"""Measure peak memory: of the tensors on any device, and of this process."""

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
    """Count the bytes of all tensors that operations inside the context create.

    The result of every operation, forward and backward, counts from its creation until its storage
    is freed, once for all its views. Scratch space inside an operation is not counted. Unlike the
    resident set of a process, the numbers are the same in every run and on every machine; torch's
    own statistics exist for CUDA only.

    Args:
        held: tensors, in any nesting of lists and dicts, that exist from the beginning.

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
            # Torch keeps one Python object per storage while anything uses the storage.
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

    On CUDA this is the peak of torch's allocator (`torch.cuda.max_memory_allocated`), which
    includes scratch space of operations; elsewhere the peak of `LiveMemory`.

    Args:
        run: the measured call; its result is freed.
        held: tensors that exist before (parameters, buffers, optimizer state), in any nesting of
            lists and dicts. Not needed on CUDA.
        device: where `run` computes.

    >>> peak_memory(lambda: torch.ones(4) * 2, [], torch.device('cpu'))
    32
    """
    if device.type == "cuda":
        gc.collect()  # an earlier measurement may have left reference cycles
        torch.cuda.reset_peak_memory_stats(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    with LiveMemory(held) as memory:
        run()
    return memory.peak


def process_peak_bytes() -> tuple[int | None, str]:
    """Return the peak memory of this process in bytes, and the name of what is counted.

    On CUDA this is the peak of torch's allocator; elsewhere the resident set of the process, with
    Python and all libraries but without the loader's workers. None if the system does not report
    it.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated(), "CUDA allocator"
    try:
        # resource.getrusage would include the process that started this one.
        with open("/proc/self/status", encoding="utf-8") as lines:
            peak = next((line for line in lines if line.startswith("VmHWM:")), None)
    except OSError:
        peak = None
    return (int(peak.split()[1]) * 1024 if peak else None), "resident set"
