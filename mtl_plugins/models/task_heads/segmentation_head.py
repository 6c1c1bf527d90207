"""Semantic segmentation."""

import inspect
from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError
from ...targets import SEMSEG
from .task_head import TaskHead


@MODELS.register_module()
class SegmentationHead(TaskHead):
    """Predict one of `num_classes` classes for every pixel.

    Args:
        num_classes: number of classes, ids 0 to num_classes - 1; default: as many as the target
            has. 255 (65535 where there are more) is ignored.
        loss: `MaskedCrossEntropyLoss` or one of mmseg's that take an `ignore_index`, or a list.

    Shapes: features (N, in_channels, h, w) -> logits (N, num_classes, h, w) -> ids (N, 1, h, w).

    >>> import torch
    >>> head = SegmentationHead(4, num_classes=3)
    >>> head.decode(torch.tensor([[[[0.0]], [[2.0]], [[1.0]]]])).flatten().tolist()
    [1]
    """

    types = ("classes",)
    target = SEMSEG

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        loss: dict | Sequence[dict] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        loss = loss or dict(type="MaskedCrossEntropyLoss")
        super().__init__(in_channels, num_classes, loss, dropout, init_cfg)
        for built in self.loss_functions.values():
            accepted = inspect.signature(built.forward).parameters.values()
            if not any(p.name == "ignore_index" or p.kind is p.VAR_KEYWORD for p in accepted):
                raise ConfigError(
                    f"SegmentationHead: {type(built).__name__} takes no ignore_index, so that "
                    "unlabelled pixels would be trained on. Choose another loss."
                )

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        label = truth[:, 0].long()
        return {
            name: loss(raw, label, ignore_index=int(self.target.invalid))
            for name, loss in self.loss_functions.items()
        }

    def decode(self, raw: Tensor) -> Tensor:
        # Several times as fast as argmax on a CPU, and returns the first of equal ones as well.
        return raw.max(dim=1, keepdim=True).indices

    def mergeable(self, raw: Tensor) -> Tensor:
        return raw.softmax(dim=1)

    def merged(self, views: Tensor) -> Tensor:
        return self.decode(views)
