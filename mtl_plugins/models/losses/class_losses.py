"""Losses of class ids and masks, over the valid pixels."""

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ConfigError


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
        labelled = label != ignore_index
        label = label.where(labelled, 0)
        log_p = logits.float().where(labelled[:, None], 0.0).log_softmax(1)
        weights = labelled.float()
        if self.class_weight is not None:
            weights = self.class_weight[label] * weights
        norm = weights.sum().clamp(min=torch.finfo(torch.float32).eps)
        total = (weights * of_label(log_p, label)).sum()
        if self.label_smoothing:
            every = log_p.sum(1)
            if self.class_weight is not None:
                every = torch.einsum("nkhw,k->nhw", log_p, self.class_weight)
            spread = self.label_smoothing / log_p.shape[1]
            total = (1 - self.label_smoothing) * total + spread * (labelled * every).sum()
        return -self.loss_weight * total / norm


def of_label(values: Tensor, label: Tensor) -> Tensor:
    """Return N,H,W: of the values N,K,H,W of each pixel, the one of its label N,H,W.

    PyTorch's cross-entropy of maps refuses deterministic algorithms on a GPU; `gather` has one.
    """
    return values.gather(1, label[:, None]).squeeze(1)


@MODELS.register_module()
class BinaryCrossEntropyLoss(nn.Module):
    """Average the binary cross-entropy over the valid pixels of a batch; 0 without any.

    Args:
        positive_weight: factor of the pixels that are 1 (rare ones such as edges); the mean is
            still over the number of pixels.
        loss_weight: factor on the loss.

    Shapes: `logits` and `target` N,1,H,W (0 or 1), `valid` N,1,H,W bool -> scalar.

    >>> target = torch.tensor([[[[1, 0, 255]]]])
    >>> loss = BinaryCrossEntropyLoss(positive_weight=3.0)(
    ...     torch.zeros(1, 1, 1, 3), target, target != 255)
    >>> round(loss.item(), 4)   # (3 + 1) / 2 * log(2)
    1.3863
    """

    loss_name = "loss_bce"
    space = "binary"

    def __init__(self, positive_weight: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if not positive_weight > 0:
            raise ConfigError(
                f"BinaryCrossEntropyLoss: positive_weight={positive_weight}; expected above 0."
            )
        self.positive_weight = positive_weight
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        zero = torch.zeros((), device=logits.device)
        positive = ((target == 1) & valid).float()
        losses = F.binary_cross_entropy_with_logits(
            logits.float().where(valid, zero), positive, reduction="none"
        )
        weights = 1 + (self.positive_weight - 1) * positive
        total = (weights * losses).where(valid, zero).sum()
        return self.loss_weight * total / valid.sum().clamp(min=1)
