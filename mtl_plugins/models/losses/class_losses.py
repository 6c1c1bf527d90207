"""Losses of class ids and masks, over the valid pixels."""

from collections.abc import Sequence
from math import inf

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ConfigError


def class_weights(
    given: Sequence[float] | str | None, owner: str, classes: int | None = None
) -> Tensor | None:
    """Return the weights of classes as a tensor; None for None.

    Args:
        given: the weights.
        owner: whose they are, for errors.
        classes: number of classes; None if it is unknown.

    Raises:
        ConfigError: they are no numbers, one is negative or not finite, all are 0, there are more
            or fewer than classes, or they are still the name of a file.

    >>> class_weights([1, 2.5], "a loss", classes=2)
    tensor([1.0000, 2.5000])
    """
    if given is None:
        return None
    if isinstance(given, str):
        raise ConfigError(
            f"{owner}: class_weight={given!r} is a file, which is read for the task heads of a "
            "config alone. Give the numbers."
        )
    try:
        numbers = [float(each) for each in given]
    except (TypeError, ValueError):
        numbers = []
    if not all(0 <= each < inf for each in numbers) or not any(numbers):
        raise ConfigError(
            f"{owner}: class_weight={given!r}; expected a finite number of at least 0 for each "
            "class, and one above 0."
        )
    if classes is not None and len(numbers) != classes:
        raise ConfigError(
            f"{owner}: class_weight has {len(numbers)} numbers for {classes} classes. Give one for "
            "each class."
        )
    return torch.tensor(numbers)


@MODELS.register_module()
class MaskedCrossEntropyLoss(nn.Module):
    """Average the cross-entropy over the labelled pixels of a batch; 0 without any.

    mmseg's loss of the same formula fails if class weights are given and a pixel is ignored, and
    synchronises with the GPU in every iteration.

    Args:
        class_weight: factor of each class, at least 0; the mean is weighted by it, as in PyTorch.
            In a config, the file that `tools/check_data.py --weights` writes, too.
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
        class_weight: Sequence[float] | str | None = None,
        label_smoothing: float = 0.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        weight = class_weights(class_weight, type(self).__name__)
        self.register_buffer("class_weight", weight, persistent=False)
        self.label_smoothing = label_smoothing
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        labelled, label = known_labels(label, ignore_index)
        surprises = -known_logits(logits, labelled).log_softmax(1)
        weight = pixel_weights(label, labelled, self.class_weight)
        costs = weight * of_label(surprises, label)
        if self.label_smoothing:
            every = surprises.sum(1)
            if self.class_weight is not None:
                every = torch.einsum("nkhw,k->nhw", surprises, self.class_weight)
            spread = self.label_smoothing / logits.shape[1]
            costs = (1 - self.label_smoothing) * costs + spread * labelled * every
        return self.loss_weight * weighted_mean(costs, weight)


def known_labels(label: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return which pixels have a label, and the labels with 0 elsewhere."""
    labelled = label != ignore_index
    return labelled, label.where(labelled, 0)


def known_logits(logits: Tensor, labelled: Tensor) -> Tensor:
    """Return logits as float32, 0 where no pixel is labelled, whatever the network says there."""
    return logits.float().where(labelled[:, None], 0.0)


def of_label(values: Tensor, label: Tensor) -> Tensor:
    """Return N,H,W: of the values N,K,H,W of each pixel, the one of its label N,H,W.

    PyTorch's cross-entropy of maps refuses deterministic algorithms on a GPU; `gather` has one.
    """
    return values.gather(1, label[:, None]).squeeze(1)


def pixel_weights(label: Tensor, mask: Tensor, class_weight: Tensor | None) -> Tensor:
    """Return the weight of each pixel N,H,W: that of its class within a mask, 0 elsewhere."""
    return mask.float() if class_weight is None else class_weight[label] * mask


def weighted_mean(costs: Tensor, weight: Tensor) -> Tensor:
    """Return the sum of weighted costs over that of their weights, as PyTorch; 0 without any."""
    return costs.sum() / weight.sum().clamp(min=torch.finfo(torch.float32).eps)


@MODELS.register_module()
class BinaryCrossEntropyLoss(nn.Module):
    """Average the binary cross-entropy over the valid pixels of a batch; 0 without any.

    Args:
        positive_weight: factor of the pixels that are 1 (rare ones such as edges); the mean is
            still over the number of pixels. In a config, the file that
            `tools/check_data.py --weights` writes, too.
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

    def __init__(self, positive_weight: float | str = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if isinstance(positive_weight, str):
            raise ConfigError(
                f"BinaryCrossEntropyLoss: positive_weight={positive_weight!r} is a file, which is "
                "read for the task heads of a config alone. Give the number."
            )
        if not 0 < positive_weight < inf:
            raise ConfigError(
                f"BinaryCrossEntropyLoss: positive_weight={positive_weight}; expected a finite "
                "number above 0."
            )
        self.positive_weight = positive_weight
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        positive = ((target == 1) & valid).float()
        weights = 1 + (self.positive_weight - 1) * positive
        return self.loss_weight * _binary_mean(logits, positive, valid, weights)


@MODELS.register_module()
class BalancedCrossEntropyLoss(nn.Module):
    r"""Average the binary cross-entropy over the valid pixels, the two sides weighted w and 1 - w.

    A pixel that is 1 has the weight $w$, one that is 0 the weight $1 - w$; the mean is over the
    number of pixels. As `BinaryCrossEntropyLoss(positive_weight=w / (1 - w), loss_weight=1 - w)`,
    whose scale differs from that of the published task weights.

    Source: Xie and Tu, *Holistically-Nested Edge Detection*, 2015 ($w$ from the labels); multi-task
    papers fix it: 0.95 for edges (ASTMT, 2019; InvPT, 2022), 0.88 for those of NYUD-v2 (MLoRE,
    2024).

    Args:
        positive_weight: $w$, in (0, 1); None: the share of 0 among the valid pixels of the batch,
            so that both sides count the same (the class-balanced form, for saliency and edges).
        loss_weight: factor on the loss.

    Shapes: `logits` and `target` N,1,H,W (0 or 1), `valid` N,1,H,W bool -> scalar; 0 with a
    gradient of 0 where nothing is valid.

    Raises:
        ConfigError: `positive_weight` is outside its range.

    >>> target = torch.tensor([[[[1, 0, 0, 0, 255]]]])
    >>> loss = BalancedCrossEntropyLoss()(torch.zeros(1, 1, 1, 5), target, target != 255)
    >>> round(loss.item(), 4)   # (0.75 + 3 * 0.25) / 4 * log(2)
    0.2599
    """

    loss_name = "loss_bce"
    space = "binary"

    def __init__(self, positive_weight: float | None = None, loss_weight: float = 1.0) -> None:
        super().__init__()
        if positive_weight is not None and not 0 < positive_weight < 1:
            raise ConfigError(
                f"BalancedCrossEntropyLoss: positive_weight={positive_weight}; expected a number "
                "in (0, 1), or None. BinaryCrossEntropyLoss takes any factor above 0."
            )
        self.positive_weight = positive_weight
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        positive = ((target == 1) & valid).float()
        weight: Tensor | float
        if self.positive_weight is None:
            weight = 1 - positive.sum() / valid.sum().clamp(min=1)
        else:
            weight = self.positive_weight
        weights = weight * positive + (1 - weight) * (1 - positive)
        return self.loss_weight * _binary_mean(logits, positive, valid, weights)


def _binary_mean(logits: Tensor, positive: Tensor, valid: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of weighted binary cross-entropies over the number of valid pixels."""
    zero = torch.zeros((), device=logits.device)
    losses = F.binary_cross_entropy_with_logits(
        logits.float().where(valid, zero), positive, reduction="none"
    )
    return (weights * losses).where(valid, zero).sum() / valid.sum().clamp(min=1)
