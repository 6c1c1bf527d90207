"""Codecs between depth in metres and the raw number that a network regresses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError


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
        self.min_depth = min_depth
        self.max_depth = max_depth

    def decode(self, raw: Tensor) -> Tensor:
        """Map a raw prediction to depth in metres."""
        return _bounded(self._to_depth(raw), self.min_depth, self.max_depth)

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

    >>> import torch
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
        return self.scale * _bounded(raw, low, high)

    def _to_raw(self, depth: Tensor) -> Tensor:
        return depth / self.scale


@MODELS.register_module()
class ExpCodec(DepthCodec):
    """depth = exp(raw), clamped.

    >>> import torch
    >>> codec = ExpCodec(0.1, 300.0)
    >>> codec.decode(torch.tensor([0.0, 100.0])).tolist()
    [1.0, 300.0]
    """

    def __init__(self, min_depth: float = 0.1, max_depth: float = 300.0) -> None:
        super().__init__(min_depth, max_depth)

    def _to_depth(self, raw: Tensor) -> Tensor:
        return _bounded(raw, math.log(self.min_depth) - 1, math.log(self.max_depth) + 1).exp()

    def _to_raw(self, depth: Tensor) -> Tensor:
        return depth.log()


@MODELS.register_module()
class LogNormalizedCodec(DepthCodec):
    """depth = exp(raw * log_std + log_mean); raw has mean 0, deviation 1 over the training split.

    Args:
        log_mean, log_std: mean and standard deviation of log depth (depth in metres) over the
            valid pixels of the training split.

    >>> import torch
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
        return (_bounded(raw, low, high) * self.log_std + self.log_mean).exp()

    def _to_raw(self, depth: Tensor) -> Tensor:
        return (depth.log() - self.log_mean) / self.log_std


@MODELS.register_module()
class InverseCodec(DepthCodec):
    """depth = scale / raw; the network regresses disparity.

    >>> import torch
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
        return self.scale / _bounded(raw, self.scale / self.max_depth, nearest)

    def _to_raw(self, depth: Tensor) -> Tensor:
        return self.scale / depth


def _bounded(values: Tensor, low: float, high: float) -> Tensor:
    """Clamp, but let the gradient pass as if nothing had been clamped.

    Otherwise a pixel outside the range would have no gradient that leads it back. An untrained
    linear codec starts there.
    """
    return values.clamp(low, high).detach() + (values - values.detach())
