"""Scores of a semantic segmentation, all of them functions of one confusion matrix."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...targets import IGNORE_LABEL

AbsentClass = Literal["skip", "zero"]


def confusion_matrix(
    prediction: Tensor, label: Tensor, num_classes: int, ignore_label: int = IGNORE_LABEL
) -> Tensor:
    """Count how often each true class was predicted as each class.

    Args:
        prediction: class ids, any shape, any integer type.
        label: true class ids of the same shape; `ignore_label` marks pixels that do not count,
            whatever is predicted there.
        num_classes: number of classes C.
        ignore_label: the class id that means "no class".

    Returns:
        C,C int64 on the device of `prediction`; rows are the truth, columns the prediction.

    Raises:
        ValueError: the shapes differ, an input is not of an integer type, or a class id of a
            counted pixel lies outside 0..C-1.

    >>> truth, guess = torch.tensor([0, 0, 1, 255]), torch.tensor([0, 1, 1, 0])
    >>> confusion_matrix(guess, truth, num_classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    if prediction.shape != label.shape:
        raise ValueError(
            f"The predicted label map has shape {tuple(prediction.shape)}, the true one "
            f"{tuple(label.shape)}: they must be equal. Predict at the size of the truth."
        )
    label = label.to(prediction.device)
    counted = label != ignore_label
    # Gathering the counted pixels would take longer than counting the others apart.
    truth = _class_ids(label, counted, num_classes, "label", f"or ignore_label={ignore_label}")
    guess = _class_ids(
        prediction, counted, num_classes, "prediction", "as many as the model predicts"
    )
    pairs = (truth * num_classes + guess).where(counted, num_classes**2)
    counts = torch.bincount(pairs.flatten(), minlength=num_classes**2 + 1)
    return counts[:-1].reshape(num_classes, num_classes)


def iou_per_class(confusion: Tensor) -> Tensor:
    """Intersection over union of each class, in percent.

    Args:
        confusion: C,C, rows are the truth.

    Returns:
        C float64 in 0..100, nan for a class that is neither in the truth nor predicted.

    >>> iou_per_class(torch.tensor([[1, 1], [0, 1]])).tolist()
    [50.0, 50.0]
    """
    counts = confusion.double()
    hits = counts.diagonal()
    return 100 * hits / (counts.sum(0) + counts.sum(1) - hits)


def accuracy_per_class(confusion: Tensor) -> Tensor:
    """Share of each true class that is predicted right, in percent.

    Args:
        confusion: C,C, rows are the truth.

    Returns:
        C float64 in 0..100, nan for a class that is not in the truth.

    >>> accuracy_per_class(torch.tensor([[1, 1], [0, 1]])).tolist()
    [50.0, 100.0]
    """
    counts = confusion.double()
    return 100 * counts.diagonal() / counts.sum(1)


def semseg_scores(confusion: Tensor, absent: AbsentClass = "skip") -> dict[str, float]:
    """The usual three numbers of a segmentation, in percent.

    Args:
        confusion: C,C, rows are the truth, summed over the whole data set.
        absent: what a class counts in mIoU that is neither in the truth nor predicted: `skip`
            leaves it out of the mean, `zero` counts it as an IoU of 0.

    Returns:
        `mIoU`, mean of the classes' IoU; `aAcc`, share of all pixels that are right; `mAcc`,
        mean accuracy of the classes that occur in the truth. A mean over nothing is nan.

    Raises:
        ValueError: `absent` is neither of the two.

    >>> semseg_scores(torch.tensor([[3, 0], [1, 0]]))
    {'mIoU': 37.5, 'aAcc': 75.0, 'mAcc': 50.0}
    """
    if absent not in ("skip", "zero"):
        raise ValueError(f"absent={absent!r}: expected 'skip' or 'zero'.")
    iou = iou_per_class(confusion)
    counts = confusion.double()
    return {
        "mIoU": float(iou.nan_to_num(0).mean() if absent == "zero" else iou.nanmean()),
        "aAcc": float(100 * counts.diagonal().sum() / counts.sum()),
        "mAcc": float(accuracy_per_class(confusion).nanmean()),
    }


def _class_ids(ids: Tensor, counted: Tensor, num_classes: int, name: str, hint: str) -> Tensor:
    """Return the ids as int64, 0 where they do not count."""
    if ids.is_floating_point():
        raise ValueError(f"The {name} is {ids.dtype}: expected integer class ids, not scores.")
    ids = ids.long().where(counted, 0)
    if ids.numel() and (ids.min() < 0 or ids.max() >= num_classes):
        wrong = ids[(ids < 0) | (ids >= num_classes)].unique().tolist()
        raise ValueError(
            f"The {name} holds class ids {wrong[:10]}: expected 0..{num_classes - 1} for "
            f"{num_classes} classes, {hint}. Check the number of classes and their mapping."
        )
    return ids
