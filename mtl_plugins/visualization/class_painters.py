"""Painters of ids: classes, and masks of 0 and 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..evaluation import confusion_matrix, semseg_scores
from ..targets import Target
from .colors import (
    FALSE_ALARM_COLOR,
    IGNORE_COLOR,
    MISS_COLOR,
    NO_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    YES_COLOR,
    colorize_binary,
    colorize_binary_error,
    colorize_labels,
    colorize_semseg_error,
    default_palette,
)
from .maps import TaskMaps
from .painted import Key, Row, Style, painted


def named_classes(target: Target, number: int = 0) -> Target:
    """Return a target with names and colours of all its classes.

    Without names, `number` classes are called "class 0", "class 1", ...; a mask has two.
    """
    if target.type == "binary":
        names: tuple[str, ...] = (f"no {target.name}", target.name)
        return Target(target.name, "classes", classes=names, palette=(NO_COLOR, YES_COLOR))
    names = target.classes or tuple(f"class {index}" for index in range(number))
    palette = target.palette or tuple(default_palette(len(names)))
    return replace(target, classes=names, palette=palette)


def paint_classes(maps: TaskMaps, style: Style) -> Row:
    """Paint class ids in the colours of the palette, and right and wrong pixels."""
    ignored_id = int(maps.target.invalid)
    present = np.unique(np.stack(maps.given)).tolist()
    ids = [i for i in present if i != ignored_id]
    target = named_classes(maps.target, max(ids, default=0) + 1)
    ignored = [("ignored", IGNORE_COLOR)] if ignored_id in present else []

    def paint(labels: np.ndarray) -> np.ndarray:
        return colorize_labels(labels, target.palette, ignored_id)

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        scores = _class_scores(prediction, truth, len(target.classes), ignored_id)
        return colorize_semseg_error(prediction, truth, ignored_id), scores

    # An id without a colour is reported when it is painted.
    shown = [i for i in ids if 0 <= i < len(target.palette)]
    key = Key([*((target.classes[i], target.palette[i]) for i in shown), *ignored])
    error_key = Key([("right", RIGHT_COLOR), ("wrong", WRONG_COLOR), *ignored])
    return painted(maps, paint, compare, key, error_key)


def paint_binary(maps: TaskMaps, style: Style) -> Row:
    """Paint 0 and 1 in two colours; hits, misses and false alarms."""
    target = named_classes(maps.target)
    unknown = [] if maps.complete else [("no truth", IGNORE_COLOR)]

    def compare(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, str]:
        return colorize_binary_error(prediction, truth), _binary_scores(prediction, truth)

    key = Key([*zip(target.classes, target.palette, strict=True), *unknown])
    errors = ("hit", YES_COLOR), ("miss", MISS_COLOR), ("false alarm", FALSE_ALARM_COLOR)
    error_key = Key([*errors, ("right 0", NO_COLOR), *unknown])
    return painted(maps, colorize_binary, compare, key, error_key)


def _class_scores(prediction: np.ndarray, truth: np.ndarray, number: int, ignored: int) -> str:
    counted = truth != ignored
    if not counted.any():
        return "no labelled pixel"
    guess, true = (torch.from_numpy(m[counted].astype(int)) for m in (prediction, truth))
    scores = semseg_scores(confusion_matrix(guess, true, number, ignored))
    return f"mIoU {scores['mIoU']:.1f}, accuracy {scores['aAcc']:.1f} %"


def _binary_scores(prediction: np.ndarray, truth: np.ndarray) -> str:
    known = (truth == 0) | (truth == 1)
    if not known.any():
        return "no pixel with truth"
    guess, true = prediction[known] == 1, truth[known] == 1
    hits, ones = int((guess & true).sum()), int(guess.sum() + true.sum())
    if not ones:
        return "0 everywhere, as it should be"
    return f"F1 {200 * hits / ones:.1f}, IoU {100 * hits / (ones - hits):.1f} %"
