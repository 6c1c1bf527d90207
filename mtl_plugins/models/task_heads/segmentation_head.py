"""Semantic segmentation."""

import inspect
from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ...targets import SEMSEG, Target
from .task_head import TaskHead


@MODELS.register_module()
class SegmentationHead(TaskHead):
    """Predict one of `num_classes` classes for every pixel.

    Args:
        num_classes: number of classes, ids 0 to num_classes - 1; default: as many as the target
            has. 255 (65535 if the target has more classes) is ignored.
        loss: `MaskedCrossEntropyLoss`, `MaskedFocalLoss`, `MaskedOHEMLoss`, `MaskedDiceLoss` or
            `MaskedLovaszLoss`, one of mmseg's that passes the trial (`try_losses`), or a list.

    Shapes: features (N, in_channels, h, w) -> logits (N, num_classes, h, w) -> ids (N, 1, h, w).

    Raises:
        ConfigError: `num_classes` is missing, or has ids that mean "no class"; or a loss cannot
            be trained with, or has another number of class weights.

    >>> import torch
    >>> head = SegmentationHead(4, num_classes=3)
    >>> head.decode(torch.tensor([[[[0.0]], [[2.0]], [[1.0]]]])).flatten().tolist()
    [1]
    """

    types = ("classes",)
    merges_probabilities = True
    target = SEMSEG

    def __init__(
        self,
        in_channels: int,
        num_classes: int | None = None,
        loss: dict | Sequence[dict] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        if num_classes is None:
            raise ConfigError(
                "SegmentationHead: num_classes is missing, and the target has no classes that say "
                "it. Give the data set the names of its classes, or the head their number."
            )
        loss = dict(type="MaskedCrossEntropyLoss") if loss is None else loss
        super().__init__(in_channels, num_classes, loss, dropout, init_cfg)
        for built in self.loss_functions.values():
            weights = getattr(built, "class_weight", None)
            if weights is not None and len(weights) != num_classes:
                raise ConfigError(
                    f"SegmentationHead: class_weight of {type(built).__name__} has {len(weights)} "
                    f"numbers for {num_classes} classes. Give one for each class."
                )

    @classmethod
    def arguments_for(cls, target: Target) -> dict[str, Any]:
        return dict(num_classes=target.num_classes) if target.classes else {}

    def learn(self, task: str, target: Target) -> None:
        """Set the target, in which no class may have the id of a pixel without one."""
        super().learn(task, target)
        if self.out_channels > target.invalid:
            raise ConfigError(
                f"task_heads.{task}: {self.out_channels} classes, but {target.truth_name!r} names "
                f"{len(target.classes)}, so that {int(target.invalid)} means no class. Give the "
                "data set the names of all classes."
            )

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        label = truth[:, 0].long()
        return {
            name: loss(raw, label, **self._ignored(loss))
            for name, loss in self.loss_functions.items()
        }

    def _ignored(self, loss: nn.Module) -> dict[str, int]:
        """Return the argument of a loss that is the id of "no class"; {} if it takes none."""
        accepted = inspect.signature(loss.forward).parameters.values()
        if any(each.name == "ignore_index" or each.kind is each.VAR_KEYWORD for each in accepted):
            return dict(ignore_index=int(self.target.invalid))
        return {}

    def decode(self, raw: Tensor) -> Tensor:
        # Several times as fast as argmax on a CPU, and returns the first of equal ones as well.
        return raw.max(dim=1, keepdim=True).indices

    def mergeable(self, raw: Tensor) -> Tensor:
        return raw.softmax(dim=1)

    def merged(self, views: Tensor) -> Tensor:
        return self.decode(views)
