"""Depth, and the codecs between metres and the raw number that a network regresses."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...targets import DEPTH, Target
from .task_head import TaskHead


class DepthCodec(ABC):
    """Map depth (metres, > 0) to the network's raw output (unitless) and back, monotonically.

    `decode` takes any finite number and returns a depth in [min_depth, max_depth]; `encode` is its
    inverse inside that range.
    """

    def __init__(self, min_depth: float, max_depth: float) -> None:
        if not 0 < min_depth < max_depth:
            raise ConfigError(
                f"{type(self).__name__}: min_depth={min_depth}, max_depth={max_depth}; expected "
                "0 < min_depth < max_depth."
            )
        # ONNX cannot bound by a fraction and a whole number.
        self.min_depth = float(min_depth)
        self.max_depth = float(max_depth)

    def decode(self, raw: Tensor) -> Tensor:
        """Map a raw prediction to depth in metres."""
        return bounded(self._to_depth(raw), self.min_depth, self.max_depth)

    def encode(self, depth: Tensor) -> Tensor:
        """Map depth in metres to the raw value that decodes to it."""
        return self._to_raw(depth.clamp(self.min_depth, self.max_depth))

    @abstractmethod
    def _to_depth(self, raw: Tensor) -> Tensor: ...

    @abstractmethod
    def _to_raw(self, depth: Tensor) -> Tensor: ...


@MODELS.register_module()
class LinearCodec(DepthCodec):
    """depth = scale * raw.

    >>> codec = LinearCodec(scale=10.0)
    >>> codec.decode(torch.tensor([0.5, -1.0])).tolist()
    [5.0, 0.009999999776482582]
    """

    def __init__(
        self, scale: float = 1.0, min_depth: float = 0.01, max_depth: float = 1000.0
    ) -> None:
        super().__init__(min_depth, max_depth)
        if scale <= 0:
            raise ConfigError(f"LinearCodec: scale={scale}; expected a number > 0.")
        self.scale = scale

    def _to_depth(self, raw: Tensor) -> Tensor:
        # Bounded before the product, which could be infinite; wider than the depths themselves.
        low, high = 0.5 * self.min_depth / self.scale, 2 * self.max_depth / self.scale
        return self.scale * bounded(raw, low, high)

    def _to_raw(self, depth: Tensor) -> Tensor:
        return depth / self.scale


@MODELS.register_module()
class ExpCodec(DepthCodec):
    """depth = exp(raw), clamped.

    >>> codec = ExpCodec(0.1, 300.0)
    >>> codec.decode(torch.tensor([0.0, 100.0])).tolist()
    [1.0, 300.0]
    """

    def __init__(self, min_depth: float = 0.1, max_depth: float = 300.0) -> None:
        super().__init__(min_depth, max_depth)

    def _to_depth(self, raw: Tensor) -> Tensor:
        return bounded(raw, math.log(self.min_depth) - 1, math.log(self.max_depth) + 1).exp()

    def _to_raw(self, depth: Tensor) -> Tensor:
        return depth.log()


@MODELS.register_module()
class LogNormalizedCodec(DepthCodec):
    """depth = exp(raw * log_std + log_mean); raw has mean 0, deviation 1 over the training split.

    Args:
        log_mean, log_std: mean and standard deviation of log depth (depth in metres) over the
            valid pixels of the training split.

    >>> codec = LogNormalizedCodec(log_mean=2.0, log_std=0.5)
    >>> round(codec.encode(torch.tensor(2.0).exp()).item(), 6)
    0.0
    """

    def __init__(
        self,
        log_mean: float,
        log_std: float,
        min_depth: float = 0.1,
        max_depth: float = 300.0,
    ) -> None:
        super().__init__(min_depth, max_depth)
        if log_std <= 0:
            raise ConfigError(f"LogNormalizedCodec: log_std={log_std}; expected a number > 0.")
        self.log_mean = log_mean
        self.log_std = log_std

    def _to_depth(self, raw: Tensor) -> Tensor:
        limits = math.log(self.min_depth) - 1, math.log(self.max_depth) + 1
        # Bounded before the product, which could be infinite.
        low, high = ((limit - self.log_mean) / self.log_std for limit in limits)
        return (bounded(raw, low, high) * self.log_std + self.log_mean).exp()

    def _to_raw(self, depth: Tensor) -> Tensor:
        return (depth.log() - self.log_mean) / self.log_std


@MODELS.register_module()
class InverseCodec(DepthCodec):
    """depth = scale / raw; the network regresses disparity.

    >>> InverseCodec(scale=2.0).decode(torch.tensor([0.5, -1.0])).tolist()
    [4.0, 300.0]
    """

    def __init__(
        self, scale: float = 1.0, min_depth: float = 0.1, max_depth: float = 300.0
    ) -> None:
        super().__init__(min_depth, max_depth)
        if scale <= 0:
            raise ConfigError(f"InverseCodec: scale={scale}; expected a number > 0.")
        self.scale = scale

    def _to_depth(self, raw: Tensor) -> Tensor:
        # A disparity of zero or less is infinitely far: bounded before the division.
        nearest = self.scale / self.min_depth
        return self.scale / bounded(raw, self.scale / self.max_depth, nearest)

    def _to_raw(self, depth: Tensor) -> Tensor:
        return self.scale / depth


def bounded(values: Tensor, low: float, high: float) -> Tensor:
    """Clamp, but let the gradient pass as if nothing had been clamped.

    Otherwise a pixel outside the range would have no gradient that leads it back. An untrained
    linear codec starts there.
    """
    return values.clamp(low, high).detach() + (values - values.detach())


@MODELS.register_module()
class DepthHead(TaskHead):
    """Regress the depth of every pixel through a codec.

    Args:
        codec: maps raw numbers to metres: `LinearCodec`, `ExpCodec`, `LogNormalizedCodec` or
            `InverseCodec`. The target's range is its default `min_depth` and `max_depth`.
        loss: one of the depth losses, or a list.
        initial_depth: metres that the untrained head predicts on average; training starts better
            near the data's typical depth. None: the depth that raw 0 decodes to.

    Shapes: features (N, in_channels, h, w) -> raw (N, 1, h, w) -> metres (N, 1, h, w).

    Raises:
        ConfigError: a loss does not compare depths, or the target is no distance.

    >>> DepthHead(4, initial_depth=10.0).decode(torch.tensor([[[[0.0]]]])).item()
    1.0
    """

    types = ("scalar",)
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
        super().__init__(
            in_channels, 1, dict(type="SILogLoss") if loss is None else loss, dropout, init_cfg
        )
        for built in self.loss_functions.values():
            if getattr(built, "space", None) not in ("depth", "distance", "raw"):
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

    @classmethod
    def arguments_for(cls, target: Target) -> dict[str, Any]:
        if target.range is None or not target.distance:
            return {}
        low, high = target.range
        return dict(codec=dict(type="ExpCodec", min_depth=low, max_depth=high))

    def learn(self, task: str, target: Target) -> None:
        """Set the target, which must be a distance: codecs and losses know no number below 0."""
        super().learn(task, target)
        if not target.distance:
            raise ConfigError(
                f"task_heads.{task}: {type(self).__name__} learns distances, but "
                f"{target.truth_name!r} is none. Use ScalarHead, or declare the target with "
                "distance=True."
            )

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of a raw map N,1,H,W against metres N,1,H,W (0: not measured)."""
        valid = self.target.known_pixels(truth)
        # Masked before the codec, which may send NaN back where the raw number is not finite.
        raw = raw.where(valid, raw.new_zeros(()))
        return self._losses_in_spaces(self.decode(raw), raw, truth, valid)

    def _losses_in_spaces(
        self, metres: Tensor, raw: Tensor, truth: Tensor, valid: Tensor
    ) -> dict[str, Tensor]:
        """Return each loss in its own space: of metres, or of codec values, against the truth."""
        pairs = {
            "depth": (metres, truth),
            "distance": (metres, truth),
            "raw": (raw, self.codec.encode(truth)),
        }
        return {name: loss(*pairs[loss.space], valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        return self.codec.decode(raw)
