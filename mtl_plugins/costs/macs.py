"""How many multiplications a network needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def count_macs(run: Callable[[], Any]) -> int:
    """Return the multiply-adds of what `run` computes, without gradients.

    One multiply-add of a convolution, a linear layer or a matrix product (attention included)
    counts as one. Element-wise operations, normalisation, pooling and resizing do not count.

    >>> layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    >>> count_macs(lambda: layer(torch.zeros(1, 3, 10, 10))) == 10 * 10 * 8 * 3 * 3 * 3
    True
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # Fused attention is one operation that the counter does not know on every device; written
    # out it is two matrix products, which it does.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.no_grad(),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            run()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    # The counter counts a multiplication and an addition as two.
    return counter.get_total_flops() // 2
