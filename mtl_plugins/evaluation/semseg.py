"""Scores of a semantic segmentation as functions of its confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ..targets import IGNORE_LABEL
from ..utils import TextTable

AbsentClass = Literal["skip", "zero", "nan"]


def confusion_matrix(
    prediction: Tensor, label: Tensor, num_classes: int, ignore_label: int = IGNORE_LABEL
) -> Tensor:
    """Count how often each true class was predicted as each class.

    Args:
        prediction: class ids, any shape, any integer type.
        label: true class ids of the same shape.
        num_classes: number of classes C.
        ignore_label: true class id of pixels that are not counted, whatever is predicted there.

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
    # Counting the ignored pixels in a bin of their own is faster than leaving them out first.
    truth = _class_ids(label, counted, num_classes, "label", f"or ignore_label={ignore_label}")
    guess = _class_ids(
        prediction, counted, num_classes, "prediction", "as many as the model predicts"
    )
    pairs = (truth * num_classes + guess).where(counted, num_classes**2)
    counts = torch.bincount(pairs.flatten(), minlength=num_classes**2 + 1)
    return counts[:-1].reshape(num_classes, num_classes)


def iou_per_class(confusion: Tensor) -> Tensor:
    """Compute the intersection over union of each class, C float64 in 0..100.

    It is nan for a class that is neither in the truth nor predicted. Rows of `confusion` (C,C) are
    the truth.

    >>> iou_per_class(torch.tensor([[1, 1], [0, 1]])).tolist()
    [50.0, 50.0]
    """
    counts = confusion.double()
    hits = counts.diagonal()
    return 100 * hits / (counts.sum(0) + counts.sum(1) - hits)


def accuracy_per_class(confusion: Tensor) -> Tensor:
    """Compute the share of each true class's pixels that are right, C float64 in 0..100.

    It is nan for a class that is not in the truth. Rows of `confusion` (C,C) are the truth.

    >>> accuracy_per_class(torch.tensor([[1, 1], [0, 1]])).tolist()
    [50.0, 100.0]
    """
    counts = confusion.double()
    return 100 * counts.diagonal() / counts.sum(1)


def precision_per_class(confusion: Tensor) -> Tensor:
    """Compute the share of each predicted class's pixels that are right, C float64 in 0..100.

    It is nan for a class that is not predicted. Rows of `confusion` (C,C) are the truth.

    >>> precision_per_class(torch.tensor([[1, 1], [0, 1]])).tolist()
    [100.0, 50.0]
    """
    return accuracy_per_class(confusion.T)


def f1_per_class(confusion: Tensor) -> Tensor:
    """Compute the F-score (Dice) of each class, 2 * hits / (true + predicted), C float64 in 0..100.

    It is nan for a class that is neither in the truth nor predicted.

    >>> [round(value, 2) for value in f1_per_class(torch.tensor([[1, 1], [0, 1]])).tolist()]
    [66.67, 66.67]
    """
    counts = confusion.double()
    return 200 * counts.diagonal() / (counts.sum(0) + counts.sum(1))


def semseg_scores(
    confusion: Tensor, absent: AbsentClass = "skip", left_out: Sequence[int] = ()
) -> dict[str, float]:
    """Compute the means over classes of IoU, accuracy, F-score and precision, in percent.

    Args:
        confusion: C,C, rows are the truth, summed over the whole data set.
        absent: treatment in mIoU of a class that is neither in the truth nor predicted: `skip`
            leaves it out of the mean, `zero` counts it as an IoU of 0, `nan` makes the mean nan.
        left_out: ids of classes that the means leave out, such as a background. Their pixels count
            as before where other classes are concerned, and in `aAcc`.

    Returns:
        `mIoU`, the mean of the classes' IoU; `aAcc`, the share of all pixels that are right;
        `mAcc`, the mean accuracy (recall) of the classes in the truth; `mF1`, the mean F-score, and
        `mPrecision`, the mean over the classes that are predicted. A mean over nothing is nan.

    Raises:
        ValueError: `absent` has another value.

    >>> semseg_scores(torch.tensor([[3, 0], [1, 0]]))
    {'mIoU': 37.5, 'aAcc': 75.0, 'mAcc': 50.0, 'mF1': 42.857142857142854, 'mPrecision': 75.0}
    """
    if absent not in get_args(AbsentClass):
        raise ValueError(f"absent={absent!r}: expected one of {list(get_args(AbsentClass))}.")
    counted = torch.ones(len(confusion), dtype=torch.bool)
    counted[list(left_out)] = False
    iou = iou_per_class(confusion)[counted]
    if absent != "nan":
        iou = iou.nan_to_num(0) if absent == "zero" else iou[~iou.isnan()]
    counts = confusion.double()
    return {
        "mIoU": float(iou.mean()),
        "aAcc": float(100 * counts.diagonal().sum() / counts.sum()),
        "mAcc": float(accuracy_per_class(confusion)[counted].nanmean()),
        "mF1": float(f1_per_class(confusion)[counted].nanmean()),
        "mPrecision": float(precision_per_class(confusion)[counted].nanmean()),
    }


CLASS_COLUMNS = ("class", "IoU", "accuracy", "precision", "F1", "% of pixels")


class ClassScore(NamedTuple):
    """IoU, accuracy (recall), precision, F-score and share of true pixels of a class, in percent.

    They are nan where those of `iou_per_class` and the like are.
    """

    name: str
    iou: float
    accuracy: float
    precision: float
    f1: float
    pixels: float


def class_scores(confusion: Tensor, classes: Sequence[str]) -> list[ClassScore]:
    """Compute the scores of every class from a C,C confusion matrix and C names.

    >>> from torch import tensor
    >>> class_scores(tensor([[3, 0], [1, 0]]), ["road", "sky"])[0]
    ClassScore(name='road', iou=75.0, accuracy=100.0, precision=75.0, f1=85.71428571428571, \
pixels=75.0)
    """
    counts = confusion.sum(1).double()
    shares = 100 * counts / counts.sum()
    scores = (iou_per_class, accuracy_per_class, precision_per_class, f1_per_class)
    columns = (*(score(confusion) for score in scores), shares)
    values = zip(classes, *(column.tolist() for column in columns), strict=True)
    return [ClassScore(*row) for row in values]


def class_table(scores: Sequence[ClassScore]) -> str:
    """Format the scores as a Markdown table, one line per class; `-` means nan.

    >>> print(class_table([ClassScore("road", 75.0, 100.0, 75.0, 85.71, 80.0)]).splitlines()[2])
    | road  | 75.00 |   100.00 |     75.00 | 85.71 |       80.00 |
    """
    rows = [
        [name, *("-" if math.isnan(value) else f"{value:.2f}" for value in values)]
        for name, *values in scores
    ]
    return TextTable(CLASS_COLUMNS, rows).markdown(aligned=True)


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
