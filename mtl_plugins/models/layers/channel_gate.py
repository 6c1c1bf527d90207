"""Gate a skip's channels by the decoder's features."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn


class ChannelGate(BaseModule):
    """Pass on the channels of a skip that fit what the decoder has found so far.

    `relu(skip * sigmoid((A mean(skip) + B mean(features)) / 2))` with the means over all pixels
    and linear A and B.

    Source: Wang et al., *UCTransNet*, 2022, channel-wise cross attention (CCA).

    Args:
        skip_channels, feature_channels: channels of the skip and of the decoder's features.

    Shapes: (N, skip_channels, h, w) and (N, feature_channels, any size) -> the skip's.

    >>> import torch
    >>> ChannelGate(4, 6)(torch.zeros(2, 4, 8, 8), torch.zeros(2, 6, 4, 4)).shape
    torch.Size([2, 4, 8, 8])
    """

    def __init__(
        self, skip_channels: int, feature_channels: int, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.of_skip = nn.Linear(skip_channels, skip_channels)
        self.of_features = nn.Linear(feature_channels, skip_channels)

    def forward(self, skip: Tensor, features: Tensor) -> Tensor:
        """Return the gated skip."""
        score = self.of_skip(skip.mean(dim=(2, 3))) + self.of_features(features.mean(dim=(2, 3)))
        return (skip * (score / 2).sigmoid()[:, :, None, None]).relu()
