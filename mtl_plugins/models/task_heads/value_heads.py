"""Masks, numbers and offsets: heads of the types `binary`, `scalar` and `offset`."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...targets import Target
from .depth_head import bounded
from .task_head import TaskHead


@MODELS.register_module()
class BinaryHead(TaskHead):
    """Predict for every pixel whether it belongs to a mask (edges, saliency, drivable area).

    Args:
        loss: `BinaryCrossEntropyLoss`, `BalancedCrossEntropyLoss`, or a list.
        threshold: probability from which a pixel counts as 1, in (0, 1).

    Shapes: features (N, in_channels, h, w) -> logits (N, 1, h, w) -> 0 or 1 (N, 1, h, w).

    Raises:
        ConfigError: `threshold` is outside its range, or a loss does not compare masks.

    >>> import torch
    >>> head = BinaryHead(4, threshold=0.7)
    >>> head.decode(torch.tensor([[[[0.0, 1.0]]]])).tolist()    # probabilities 0.5 and 0.73
    [[[[0, 1]]]]
    """

    types = ("binary",)
    merges_probabilities = True

    def __init__(
        self,
        in_channels: int,
        loss: dict | Sequence[dict] | None = None,
        threshold: float = 0.5,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            1,
            dict(type="BinaryCrossEntropyLoss") if loss is None else loss,
            dropout,
            init_cfg,
        )
        if not 0 < threshold < 1:
            raise ConfigError(f"BinaryHead: threshold={threshold}; expected a number in (0, 1).")
        self.threshold = threshold
        _check_space(self, ("binary",), "BinaryCrossEntropyLoss")

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of logits N,1,H,W against 0, 1 or 255 (none), N,1,H,W."""
        valid = self.target.known_pixels(truth)
        return {name: loss(raw, truth, valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        return self.merged(self.mergeable(raw))

    def mergeable(self, raw: Tensor) -> Tensor:
        return raw.float().sigmoid()

    def merged(self, views: Tensor) -> Tensor:
        return (views >= self.threshold).long()


@MODELS.register_module()
class ScalarHead(TaskHead):
    """Regress a number for every pixel (height, temperature, disparity).

    Args:
        range: smallest and largest value; the raw number -1 means the smallest, 1 the largest, and
            predictions lie within. Default: the target's range; None: the raw number is the value.
        loss: `MaskedL1Loss`, `MaskedL2Loss`, `BerHuLoss`, or a list; `GradientMatchingLoss` and
            `GradientL1Loss` may be added.

    Shapes: features (N, in_channels, h, w) -> raw (N, 1, h, w) -> values (N, 1, h, w).

    Raises:
        ConfigError: `range` is not (smallest, largest), or a loss does not compare numbers.

    >>> import torch
    >>> ScalarHead(4, range=(0.0, 50.0)).decode(torch.tensor([[[[0.0, -1.0, 9.0]]]])).tolist()
    [[[[25.0, 0.0, 50.0]]]]
    """

    types = ("scalar",)

    def __init__(
        self,
        in_channels: int,
        range: Sequence[float] | None = None,
        loss: dict | Sequence[dict] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            in_channels, 1, dict(type="MaskedL1Loss") if loss is None else loss, dropout, init_cfg
        )
        if range is not None and not (len(range) == 2 and -inf < range[0] < range[1] < inf):
            raise ConfigError(f"ScalarHead: range={range}; expected (smallest, largest) or None.")
        self.range = None if range is None else (float(range[0]), float(range[1]))
        _check_space(self, ("depth", "raw"), "MaskedL1Loss")

    @classmethod
    def arguments_for(cls, target: Target) -> dict[str, Any]:
        return dict(range=target.range)

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of a raw map N,1,H,W against values N,1,H,W (nan: none)."""
        valid = self.target.known_pixels(truth)
        pairs = {"depth": (self.decode(raw), truth), "raw": (raw, self._encode(truth))}
        return {name: loss(*pairs[loss.space], valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        if self.range is None:
            return raw
        low, high = self.range
        return bounded((low + high) / 2 + raw.float() * (high - low) / 2, low, high)

    def _encode(self, values: Tensor) -> Tensor:
        if self.range is None:
            return values
        low, high = self.range
        return (2 * values.clamp(low, high) - low - high) / (high - low)


@MODELS.register_module()
class OffsetHead(TaskHead):
    """Regress a vector in pixels for every pixel (optical flow, offset to an object's centre).

    Args:
        scale: pixels for a raw step; about the usual length of the vectors makes training easier.
        loss: `EndPointLoss`, or a list.

    Shapes: features (N, in_channels, h, w) -> raw (N, 2, h, w) -> pixels (N, 2, h, w), x to the
    right and y down. The unit is the pixel of the network's input, whatever the stride of the map;
    a prediction in another size than the input is multiplied too, see `rescale`.

    Raises:
        ConfigError: `scale` is not above 0, or a loss does not compare offsets.

    >>> import torch
    >>> OffsetHead(4, scale=8.0).decode(torch.tensor([[[[0.5]], [[-1.0]]]])).flatten().tolist()
    [4.0, -8.0]
    """

    types = ("offset",)
    # The maximum of each component is not the vector of any view.
    merges = ("mean",)

    def __init__(
        self,
        in_channels: int,
        scale: float = 1.0,
        loss: dict | Sequence[dict] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            in_channels, 2, dict(type="EndPointLoss") if loss is None else loss, dropout, init_cfg
        )
        if not 0 < scale < inf:
            raise ConfigError(f"OffsetHead: scale={scale}; expected pixels above 0.")
        self.scale = scale
        _check_space(self, ("offset",), "EndPointLoss")

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of raw vectors N,2,H,W against pixels N,2,H,W (nan: none)."""
        valid = self.target.known_pixels(truth)
        values = self.decode(raw)
        return {name: loss(values, truth, valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        return raw * self.scale


def _check_space(head: TaskHead, spaces: Sequence[str], example: str) -> None:
    """Raise a `ConfigError` for a loss that compares something else."""
    for loss in head.loss_functions.values():
        if getattr(loss, "space", None) not in spaces:
            raise ConfigError(
                f"{type(head).__name__}: {type(loss).__name__} is no loss for it; choose "
                f"{example}, or give yours a `space` of {' or '.join(map(repr, spaces))}."
            )
