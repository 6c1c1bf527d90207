"""Losses of class ids against rare classes, over the labelled pixels."""

from collections.abc import Sequence
from math import log

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from .class_losses import (
    class_weights,
    known_labels,
    known_logits,
    of_label,
    pixel_weights,
    weighted_mean,
)

SURE = 1e-6
"""Least 1 - probability of a pixel's class, which keeps the gradient of a small power finite."""


@MODELS.register_module()
class MaskedFocalLoss(nn.Module):
    r"""Average the cross-entropy over the labelled pixels, those that are right already less.

    A pixel whose class has the probability $p$ costs $-(1 - p)^\gamma \log p$. The classes
    exclude each other (softmax); mmseg's `FocalLoss` decides about each class by itself.

    Source: Lin et al., *Focal Loss for Dense Object Detection*, 2017.

    Args:
        gamma: power of 1 - p, at least 0; 0 is the cross-entropy.
        class_weight: as in `MaskedCrossEntropyLoss`.
        loss_weight: factor on the loss.

    Shapes: `logits` N,K,H,W; `label` N,H,W int64 with `ignore_index` where unlabelled -> scalar;
    0 with a gradient of 0 without any label.

    Raises:
        ConfigError: `gamma` is negative.

    >>> logits, label = torch.zeros(1, 4, 1, 2), torch.tensor([[[3, 255]]])
    >>> round(MaskedFocalLoss(gamma=2.0)(logits, label).item(), 4)   # 0.75 ** 2 * log(4)
    0.7798
    """

    loss_name = "loss_focal"

    class_weight: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        class_weight: Sequence[float] | str | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not gamma >= 0:
            raise ConfigError(f"MaskedFocalLoss: gamma={gamma}; expected a number of at least 0.")
        weight = class_weights(class_weight, type(self).__name__)
        self.register_buffer("class_weight", weight, persistent=False)
        self.gamma = gamma
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        labelled, label = known_labels(label, ignore_index)
        surprise = -of_label(known_logits(logits, labelled).log_softmax(1), label)
        wrong = (-torch.expm1(-surprise)).clamp(min=SURE)
        weight = pixel_weights(label, labelled, self.class_weight)
        return self.loss_weight * weighted_mean(weight * wrong**self.gamma * surprise, weight)


@MODELS.register_module()
class MaskedOHEMLoss(nn.Module):
    r"""Average the cross-entropy over the hard pixels of a batch alone.

    Hard are the labelled pixels whose class has a probability below `threshold`, and in any case
    the hardest `share` of them (online hard example mining).

    Source: Shrivastava et al., *Training Region-based Object Detectors with Online Hard Example
    Mining*, 2016; for pixels Wu et al., *Bridging Category-level and Instance-level Semantic Image
    Segmentation*, 2016.

    Args:
        threshold: probability below which a pixel is hard, in (0, 1).
        share: least part of the labelled pixels that count, in (0, 1]; 1 is the cross-entropy.
        class_weight: as in `MaskedCrossEntropyLoss`.
        loss_weight: factor on the loss.

    Shapes: `logits` N,K,H,W; `label` N,H,W int64 with `ignore_index` where unlabelled -> scalar;
    0 with a gradient of 0 without any label.

    Raises:
        ConfigError: `threshold` or `share` is outside its range.

    >>> logits = torch.tensor([[[[0.0, 9.0, 9.0]], [[0.0, 0.0, 0.0]]]])
    >>> label = torch.tensor([[[1, 0, 255]]])
    >>> round(MaskedOHEMLoss()(logits, label).item(), 4)   # log(2), of the first pixel
    0.6931
    """

    loss_name = "loss_ohem"

    class_weight: Tensor | None

    def __init__(
        self,
        threshold: float = 0.7,
        share: float = 1 / 16,
        class_weight: Sequence[float] | str | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 < threshold < 1:
            raise ConfigError(f"MaskedOHEMLoss: threshold={threshold}; expected one in (0, 1).")
        if not 0 < share <= 1:
            raise ConfigError(f"MaskedOHEMLoss: share={share}; expected one in (0, 1].")
        weight = class_weights(class_weight, type(self).__name__)
        self.register_buffer("class_weight", weight, persistent=False)
        self.easy = -log(threshold)
        self.share = share
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        labelled, label = known_labels(label, ignore_index)
        surprise = -of_label(known_logits(logits, labelled).log_softmax(1), label)
        ranked = surprise.detach().where(labelled, -1.0).flatten().sort(descending=True).values
        least = (labelled.sum() * self.share).ceil().long().clamp(min=1)
        # `gather`, because an index that is a tensor waits for the GPU.
        hardest = surprise >= ranked.gather(0, least[None] - 1)
        hard = labelled & (hardest | (surprise > self.easy))
        weight = pixel_weights(label, hard, self.class_weight)
        return self.loss_weight * weighted_mean(weight * surprise, weight)


@MODELS.register_module()
class MaskedDiceLoss(nn.Module):
    r"""Lower 1 - Dice of the probabilities, averaged over the classes in a batch's labels.

    For the probabilities $p$ and the truth $t$ (0 or 1) of a class, over the labelled pixels of the
    batch, it is $1 - 2 \sum p t / \sum (p + t)$. A rare class counts as much as a frequent one.

    Source: Milletari et al., *V-Net*, 2016, with the sums of all images of a batch.

    Args:
        loss_weight: factor on the loss.

    Shapes: `logits` N,K,H,W; `label` N,H,W int64 with `ignore_index` where unlabelled -> scalar;
    0 with a gradient of 0 without any label.

    >>> logits, label = torch.zeros(1, 2, 1, 3), torch.tensor([[[0, 0, 255]]])
    >>> round(MaskedDiceLoss()(logits, label).item(), 4)   # 1 - 2 * (0.5 + 0.5) / (1 + 2)
    0.3333
    """

    loss_name = "loss_dice"

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        labelled, label = known_labels(label, ignore_index)
        known = labelled[:, None]
        probability = known_logits(logits, labelled).softmax(1) * known
        truth = _one_hot(label, logits.shape[1]) & known
        size = truth.sum((0, 2, 3))
        overlap = probability.where(truth, 0.0).sum((0, 2, 3))
        # Whatever the size of a class, one without a pixel has no say.
        dice = 2 * overlap / (probability.sum((0, 2, 3)) + size.clamp(min=1))
        return self.loss_weight * _mean_of_present(1 - dice, size)


@MODELS.register_module()
class MaskedLovaszLoss(nn.Module):
    r"""Lower a smooth bound of 1 - IoU, averaged over the classes in a batch's labels.

    The errors $|t - p|$ of a class are sorted, the largest first, and each is multiplied by how
    much the IoU of the class falls once its pixel is wrong, too.

    Source: Berman et al., *The Lovász-Softmax loss*, 2018 (all images of a batch together, the
    classes that are present).

    Args:
        loss_weight: factor on the loss.

    Shapes: `logits` N,K,H,W; `label` N,H,W int64 with `ignore_index` where unlabelled -> scalar;
    0 with a gradient of 0 without any label.

    >>> logits, label = torch.zeros(1, 2, 1, 3), torch.tensor([[[0, 0, 255]]])
    >>> MaskedLovaszLoss()(logits, label).item()   # both pixels of class 0 are half wrong
    0.5
    """

    loss_name = "loss_lovasz"

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, label: Tensor, ignore_index: int = 255) -> Tensor:
        labelled, label = known_labels(label, ignore_index)
        probability = known_logits(logits, labelled).softmax(1).movedim(1, 0).flatten(1)
        known, label = labelled.flatten(), label.flatten()
        losses, sizes = [], []
        # One class at a time: sorting all of them at once takes that many times the memory.
        for index, of_class in enumerate(probability):
            truth = (label == index) & known
            error = (truth.float() - of_class).abs()
            # Unlabelled pixels come last, where they cost nothing.
            order = error.detach().where(known, -1.0).argsort(descending=True)
            there = truth[order]
            size = truth.sum()
            missed = there.cumsum(0)
            iou = (size - missed) / (size + (~there).cumsum(0)).clamp(min=1)
            fall = -iou.diff(prepend=iou.new_ones(1))
            losses.append((error[order].where(known[order], 0.0) * fall).sum())
            sizes.append(size)
        return self.loss_weight * _mean_of_present(torch.stack(losses), torch.stack(sizes))


def _one_hot(label: Tensor, classes: int) -> Tensor:
    """Return N,K,H,W bool of ids N,H,W."""
    return label[:, None] == torch.arange(classes, device=label.device)[:, None, None]


def _mean_of_present(losses: Tensor, sizes: Tensor) -> Tensor:
    """Return the mean of the losses of the classes that have a pixel; 0 without any."""
    present = sizes > 0
    return losses.where(present, 0.0).sum() / present.sum().clamp(min=1)
