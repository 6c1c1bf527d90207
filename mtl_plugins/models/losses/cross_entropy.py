"""Cross-entropy over the labelled pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class MaskedCrossEntropyLoss(nn.Module):
    """Average the cross-entropy over the labelled pixels of a batch; 0 without any.

    mmseg's loss of the same formula fails if class weights are given and a pixel is ignored, and
    synchronises with the GPU in every iteration.

    Args:
        class_weight: factor of each class; the mean is weighted by it, as in PyTorch.
        label_smoothing: share of the target spread over all classes, in [0, 1).
        loss_weight: factor on the loss.

    Shapes: `logits` N,K,H,W; `label` N,H,W int64 with `ignore_index` where unlabelled -> scalar.

    >>> logits = torch.zeros(1, 4, 1, 2)
    >>> label = torch.tensor([[[3, 255]]])
    >>> round(MaskedCrossEntropyLoss()(logits, label).item(), 4)   # log(4)
    1.3863
    """

    loss_name = "loss_ce"

    class_weight: Tensor | None

    def __init__(
        self,
        class_weight: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float32)
        self.register_buffer("class_weight", weight, persistent=False)
        self.label_smoothing = label_smoothing
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        """Return the loss over the pixels whose label is not `ignore_index`."""
        total = F.cross_entropy(
            logits.float(),
            label,
            weight=self.class_weight,
            ignore_index=ignore_index,
            reduction="sum",
            label_smoothing=self.label_smoothing,
        )
        labelled = label != ignore_index
        if self.class_weight is None:
            norm = labelled.sum().clamp(min=1)
        else:
            weights = self.class_weight[label.where(labelled, 0)] * labelled
            norm = weights.sum().clamp(min=torch.finfo(torch.float32).eps)
        return self.loss_weight * total / norm
