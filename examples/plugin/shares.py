"""Shares of 0 to 1 as a task of mtl_plugins: a head, its loss and a metric.

Importing the module registers the three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmseg.registry import METRICS, MODELS
from mtl_plugins.errors import ConfigError, DataError
from mtl_plugins.evaluation import Measure, StreamingMetric, Sums
from mtl_plugins.models.task_heads import TaskHead
from mtl_plugins.targets import Target
from torch import Tensor, nn
from torch.nn import functional as F

WETNESS = Target("wetness", "scalar", range=(0.0, 1.0))
"""The target that `configs/wetness.py` declares: the wet share of the ground in a pixel."""


@MODELS.register_module()
class ShareLoss(nn.Module):
    """Average the cross-entropy of shares over the valid pixels of a batch.

    Args:
        loss_weight: factor on the loss.

    Shapes: `raw` N,1,H,W logits, `truth` N,1,H,W shares, `valid` N,1,H,W bool -> scalar; 0 with a
    gradient of 0 where nothing is valid.

    >>> share = torch.tensor([[[[0.5]]]])
    >>> round(ShareLoss()(torch.zeros_like(share), share, share >= 0).item(), 4)
    0.6931
    """

    loss_name = "loss_share"

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, raw: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """Return the mean over the valid pixels."""
        zero = torch.zeros((), device=raw.device)
        # Masked before the logarithm, so that an invalid pixel cannot send inf or NaN back.
        logits, shares = (each.float().where(valid, zero) for each in (raw, truth))
        entropy = F.binary_cross_entropy_with_logits(logits, shares, reduction="none")
        return self.loss_weight * entropy.where(valid, zero).sum() / valid.sum().clamp(min=1)


@MODELS.register_module()
class ShareHead(TaskHead):
    """Predict a share of 0 to 1 for every pixel, as the sigmoid of the raw map.

    Args:
        in_channels: channels of the feature map (filled in by the model).
        loss: config of a loss, or a list; it is called with raw map, truth and valid pixels.
        dropout: share of feature channels dropped before the prediction.

    Shapes: features (N, in_channels, h, w) -> logits (N, 1, h, w) -> shares (N, 1, h, w).

    Raises:
        ConfigError: the target's range is not (0, 1).
    """

    types = ("scalar",)

    def __init__(
        self,
        in_channels: int,
        loss: dict | Sequence[dict] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, 1, loss or dict(type="ShareLoss"), dropout, init_cfg)

    def learn(self, task: str, target: Target) -> None:
        """Set the target, whose values must be shares."""
        super().learn(task, target)
        if target.range != (0, 1):
            raise ConfigError(
                f"task_heads.{task}: ShareHead predicts 0 to 1, but {target.truth_name!r} has the "
                f"range {target.range}. Declare the target with range=(0, 1), or use ScalarHead."
            )

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of logits N,1,H,W against shares N,1,H,W (nan: none)."""
        valid = self.target.known_pixels(truth)
        return {name: loss(raw, truth, valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        """Return shares, N,1,H,W float32."""
        return raw.float().sigmoid()


@dataclass
class Close(Sums):
    """Sums over images: valid pixels, and those whose error is small."""

    pixels: int = 0
    close: int = 0


@METRICS.register_module()
class WetnessMetric(StreamingMetric[Close]):
    """Measure the percentage of valid pixels whose share is at most `limit` wrong.

    Args:
        limit: largest error that counts as close.

    Raises:
        DataError: a sample lacks prediction or truth; the message names the image.
    """

    new_tally = Close
    measures = (Measure("wetness/close", "higher", "wetness, close (%)"),)

    def __init__(self, limit: float = 0.1) -> None:
        super().__init__()
        self.limit = limit

    def measure(self, sample: dict) -> Close:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        for key in (WETNESS.prediction, WETNESS.truth):
            if key not in sample:
                raise DataError(f"the sample has no {key}; load the target in the pipeline.")
        prediction, truth = (sample[k]["data"] for k in (WETNESS.prediction, WETNESS.truth))
        valid = WETNESS.known_pixels(truth)
        errors = (prediction - truth.to(prediction)).abs()[valid]
        return Close(1, errors.numel(), int((errors <= self.limit).sum()))

    def compute_metrics(self, results: list[Close]) -> dict[str, float]:
        """Return the metric over all images; nan if no pixel is valid."""
        (total,) = results
        return {"wetness/close": 100 * total.close / (total.pixels or float("nan"))}
