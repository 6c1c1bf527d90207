"""The comparison of exported predictions with the model's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
import torch
from mmseg.structures import SegDataSample
from rich.console import Console

from ...models.preprocessing import RGB_CHANNELS
from ...models.segmentors import EXTRAS, InferenceConfig, MultiTaskSegmentor
from ...targets import DEPTH, Target  # noqa: F401  # DEPTH: for the example
from ...utils import TextTable
from ..descriptions import extra_outputs, targets_of
from ..exported_predictor import pixels_first
from ..predictor import Maps, Predictor
from .tracing import ExportError

LEAST_AGREEMENT = 0.999
"""The share of the pixels that must have the same id, or nearly the same number or vector."""

LARGEST_DIFFERENCE = 1e-3
"""The largest difference: of a distance relative to each eager value, of others to the longest."""

LIMITS = (
    f"Limits: classes (and others, to {LARGEST_DIFFERENCE:g}) agree on {LEAST_AGREEMENT:.1%} of "
    f"the pixels, depth within {LARGEST_DIFFERENCE:g} relative everywhere."
)


@dataclass(frozen=True)
class Agreement:
    """Difference between the exported and the eager prediction of one task for a batch.

    Args:
        task, target: the task and its target.
        images, height, width: size of the batch.
        largest: largest absolute difference of a value, in the target's unit; for ids 0 or 1.
        relative: largest difference relative to the eager value; None except for distances.
        agreeing: share of the pixels with the same id, or whose difference is shorter than
            `LARGEST_DIFFERENCE` of the longest value; None for distances. 0 where shapes differ.
    """

    task: str
    target: Target
    images: int
    height: int
    width: int
    largest: float
    relative: float | None = None
    agreeing: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the difference is within the limits."""
        if self.agreeing is not None:
            return self.agreeing >= LEAST_AGREEMENT
        # This comparison is false for nan.
        return self.relative is not None and self.relative <= LARGEST_DIFFERENCE


def compare(
    task: str, target: Target, expected: Sequence[np.ndarray], found: Sequence[np.ndarray]
) -> Agreement:
    """Compare the predictions of one task for images of one size, each H,W or H,W,C.

    >>> compare("far", DEPTH, [np.full((2, 2), 10.0)], [np.full((2, 2), 10.005)]).holds
    True
    """
    truth, other = np.stack(expected), np.stack(found)
    count, height, width = truth.shape[:3]
    measured = dict(largest=np.inf, agreeing=0.0)
    if truth.shape == other.shape:
        measured = _DIFFERENCE[target.form](truth, other)
    return Agreement(task, target, count, height, width, **measured)


def _of_ids(truth: np.ndarray, other: np.ndarray) -> dict[str, float]:
    same = truth == other
    return dict(largest=float(not same.all()), agreeing=float(same.mean()))


def _of_distances(truth: np.ndarray, other: np.ndarray) -> dict[str, float]:
    difference = np.abs(other.astype(np.float64) - truth)
    scale = np.maximum(np.abs(truth), np.finfo(np.float32).tiny)
    return dict(largest=float(difference.max()), relative=float((difference / scale).max()))


def _of_values(truth: np.ndarray, other: np.ndarray) -> dict[str, float]:
    difference = np.abs(other.astype(np.float64) - truth)
    pixels = (*truth.shape[:3], -1)
    apart, length = (np.linalg.norm(m.reshape(pixels), axis=-1) for m in (difference, truth))
    near = apart <= LARGEST_DIFFERENCE * length.max()
    return dict(largest=float(difference.max()), agreeing=float(near.mean()))


_DIFFERENCE: dict[str, Callable[[np.ndarray, np.ndarray], dict[str, float]]] = dict(
    classes=_of_ids,
    binary=_of_ids,
    distance=_of_distances,
    scalar=_of_values,
    direction=_of_values,
    offset=_of_values,
)
"""Form of a target -> function that measures how predictions N,H,W or N,H,W,C differ."""


def check_predictor(
    network: MultiTaskSegmentor,
    predictor: Predictor,
    batches: Sequence[tuple[int, int, int]],
    seed: int = 0,
) -> Iterator[Agreement]:
    """Compare a predictor with the eager model on random images; yield an `Agreement` per task.

    Args:
        network: the eager model, with its own preprocessing.
        predictor: of the exported model.
        batches: (number, height, width) of the images of each batch.
        seed: of the images.
    """
    rng, targets = np.random.default_rng(seed), targets_of(predictor.metainfo)
    extras = predictor.metainfo.get("extras", ())
    # Shares of 0 to 1, compared as any numbers.
    targets |= {name: Target(name, "scalar") for name in extras}
    for count, height, width in batches:
        images = [random_image(rng, height, width, network.in_channels) for _ in range(count)]
        expected, found = eager_predictions(network, images, extras), predictor(images)
        for task, target in targets.items():
            yield compare(task, target, *([each[task] for each in p] for p in (expected, found)))


def default_batches(divisor: int, size: tuple[int, int] | None) -> list[tuple[int, int, int]]:
    """Return (number, height, width) of batches that cover the cases in which sizes matter.

    These are whole strides, odd sides, sides below a stride, sides above the traced ones, and whole
    windows of window transformers. Each batch has so many pixels that a few of them, for which two
    classes are equally likely up to rounding, do not fail the comparison.

    Args:
        divisor: the model's `size_divisor`.
        size: (height, width) where the model takes images of one size only, else None.
    """
    if size is not None:
        return [(1, *size), (3, *size)]
    unit = divisor * ceil(16 / divisor)
    return [
        (1, 4 * unit, 6 * unit),
        (3, 2 * unit + 1, 3 * unit - 1),
        (1, 6 * unit + 5, 8 * unit - 3),
        (2, max(divisor - 3, 1), 20 * unit + 1),
        (1, 7 * unit, 7 * unit),
    ]


def random_image(
    rng: np.random.Generator, height: int, width: int, channels: int = RGB_CHANNELS
) -> np.ndarray:
    """Return an image of large random blobs of colour with some noise, H,W,channels uint8."""
    cells = (height // 12 + 2, width // 12 + 2, channels)
    coarse = rng.uniform(0, 255, cells).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return (smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)


def eager_predictions(
    network: MultiTaskSegmentor, images: Sequence[np.ndarray], extras: Sequence[str] = ()
) -> list[Maps]:
    """Predict images of one size with the model itself, as a test does with mode "whole".

    Args:
        extras: names of further maps, such as `semseg_confidence`.
    """
    size = images[0].shape[:2]
    samples = [SegDataSample(metainfo=dict(ori_shape=size, img_shape=size)) for _ in images]
    tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in images]
    heads = dict(network.decode_head.tasks())
    known = extra_outputs(heads, [*EXTRAS]) if extras else {}
    plain = InferenceConfig(extras=(*dict.fromkeys(known[name][1] for name in extras),))
    configured, network.inference_config = network.inference_config, plain
    try:
        with torch.no_grad():
            results = network.test_step(dict(inputs=tensors, data_samples=samples))
    finally:
        network.inference_config = configured
    keys = {task: head.target.prediction for task, head in heads.items()}
    for name in extras:
        task, extra = known[name]
        keys[name] = heads[task].target.extra(extra)
    return [
        {
            name: pixels_first(result.get(key).data[None].cpu().numpy())[0]
            for name, key in keys.items()
        }
        for result in results
    ]


def report_agreement(path: str, agreements: Sequence[Agreement]) -> None:
    """Print the differences between the predictions of an exported file and the model's.

    Raises:
        ExportError: a difference exceeds the limits.
    """
    rows = [
        [
            f"{each.images} x {each.height} x {each.width}",
            each.task,
            # The difference of two ids means nothing.
            "-" if each.target.integer else f"{each.largest:.1e}",
            "-" if each.relative is None else f"{each.relative:.1e}",
            "-" if each.agreeing is None else f"{each.agreeing:.3%}",
            "ok" if each.holds else "differs",
        ]
        for each in agreements
    ]
    table = TextTable(
        ("images", "task", "max difference", "max relative", "pixels that agree", ""), rows,
        words=("images", "task", ""),
        title=f"{path} and the model it was exported from", caption=LIMITS,
        colours={index: "red" for index, each in enumerate(agreements) if not each.holds},
    )  # fmt: skip
    Console().print(table)
    if not all(each.holds for each in agreements):
        raise ExportError(
            f"The predictions of {path} differ from the model's by more than the limits above: do "
            "not use it."
        )


def worst(agreements: Sequence[Agreement]) -> dict[str, Agreement]:
    """Return the batch that agrees least, for each task.

    >>> near, far = (Agreement("depth", DEPTH, 1, 8, 8, x, relative=x) for x in (0.1, 0.2))
    >>> worst([near, far, near])["depth"] is far
    True
    """
    found: dict[str, Agreement] = {}
    for each in agreements:
        found[each.task] = max(found.get(each.task, each), each, key=_badness)
    return found


def _badness(agreement: Agreement) -> tuple[bool, float]:
    disagreeing = 0.0 if agreement.agreeing is None else 1 - agreement.agreeing
    return not agreement.holds, disagreeing + (agreement.relative or 0.0)
