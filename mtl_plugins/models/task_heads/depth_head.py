"""Metric depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...targets import DEPTH, NO_DEPTH
from .task_head import TaskHead


@MODELS.register_module()
class DepthHead(TaskHead):
    """Regress the depth of every pixel through a codec.

    Args:
        in_channels: channels of the feature map (filled in by the model).
        codec: maps raw numbers to metres: `LinearCodec`, `ExpCodec`, `LogNormalizedCodec` or
            `InverseCodec`.
        loss: one of the depth losses, or a list.
        initial_depth: metres that the untrained head predicts on average; training starts better
            near the data's typical depth. None: the depth that raw 0 decodes to.
        dropout: share of feature channels dropped before the prediction.

    Shapes: features (N, in_channels, h, w) -> raw (N, 1, h, w) -> metres (N, 1, h, w).

    Raises:
        ConfigError: a loss does not compare depths.

    >>> DepthHead(4, initial_depth=10.0).decode(torch.tensor([[[[0.0]]]])).item()
    1.0
    """

    target = DEPTH

    def __init__(
        self,
        in_channels: int,
        codec: dict | None = None,
        loss: dict | Sequence[dict] | None = None,
        initial_depth: float | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, 1, loss or dict(type="SILogLoss"), dropout, init_cfg)
        for built in self.loss_functions.values():
            if getattr(built, "space", None) not in ("depth", "raw"):
                raise ConfigError(
                    f"{type(self).__name__}: {type(built).__name__} is no depth loss of this "
                    "package; choose SILogLoss, MaskedL1Loss, MaskedL2Loss or BerHuLoss, or give "
                    "yours a `space` of 'depth' or 'raw'."
                )
        self.codec = MODELS.build(codec or dict(type="ExpCodec"))
        if initial_depth is not None:
            raw = self.codec.encode(torch.tensor(float(initial_depth)))
            bias: Any = self.predict.bias
            torch.nn.init.constant_(bias, raw.item())

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of a raw map N,1,H,W against metres N,1,H,W (0: not measured)."""
        return self._losses_in_spaces(self.decode(raw), raw, truth)

    def _losses_in_spaces(self, metres: Tensor, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return each loss in its own space: of metres, or of codec values, against the truth."""
        valid = truth > NO_DEPTH
        pairs = {"depth": (metres, truth), "raw": (raw, self.codec.encode(truth))}
        return {name: loss(*pairs[loss.space], valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        """Return metres, N,1,H,W float32."""
        return self.codec.decode(raw)
