"""The gate of messages between tasks."""

from mmengine.model import BaseModule
from torch import Tensor, nn


class SpatialGate(BaseModule):
    """Pass on another task's features, gated by attention computed from the same features.

    `conv(x) * sigmoid(attention(x))` with two 3x3 convolutions. Source: Xu et al., *PAD-Net*,
    2018, module C.

    Args:
        in_channels, out_channels: channels of the source task and of the receiving task.
        learned: False freezes the attention's weights at zero, so that the gate is 1/2
            everywhere (the ablation of learned attention).

    Shapes: (N, in_channels, h, w) -> (N, out_channels, h, w).

    >>> import torch
    >>> gate = SpatialGate(4, 6, learned=False)
    >>> x = torch.rand(1, 4, 5, 5)
    >>> torch.equal(gate(x), gate.conv(x) / 2)
    True
    """

    def __init__(self, in_channels: int, out_channels: int, learned: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.attention = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        if not learned:
            for parameter in self.attention.parameters():
                nn.init.zeros_(parameter)
            self.attention.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features) * self.attention(features).sigmoid()
