"""What a model remembers besides its parameters, to be put back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class BufferSnapshot:
    """A copy of a model's buffers (running statistics, histories of losses), put back on demand.

    Buffers of one type and device are handled as one vector, so that hundreds of them cost a GPU a
    few kernels.

    >>> norm = nn.BatchNorm1d(2)
    >>> snapshot = BufferSnapshot(norm)
    >>> _ = norm(torch.tensor([[0.0, torch.nan], [1.0, 2.0]]))
    >>> snapshot.put_back(torch.tensor(True))
    >>> norm.running_mean
    tensor([0., 0.])
    """

    def __init__(self, model: nn.Module) -> None:
        alike: dict[tuple, list[Tensor]] = {}
        for buffer in model.buffers():
            alike.setdefault((buffer.dtype, buffer.device), []).append(buffer)
        self._buffers = [*alike.values()]
        self._copies = [_joined(buffers) for buffers in self._buffers]

    @torch.no_grad()
    def put_back(self, condition: Tensor) -> None:
        """Make the buffers what they were where the condition (bool, of no dimension) holds.

        Decided on the buffers' device, which nobody waits for.
        """
        for buffers, before in zip(self._buffers, self._copies, strict=True):
            values = torch.where(condition.to(before.device), before, _joined(buffers))
            parts = values.split([buffer.numel() for buffer in buffers])
            torch._foreach_copy_(
                buffers, [part.view(b.shape) for part, b in zip(parts, buffers, strict=True)]
            )


@torch.no_grad()
def _joined(buffers: Sequence[Tensor]) -> Tensor:
    return torch.cat([buffer.reshape(-1) for buffer in buffers])
