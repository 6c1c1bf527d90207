"""Reading one sample and collecting its problems."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from ...datasets import DenseDataset, LoadImage, LoadTargets, image_breach, target_breach
from ...errors import MTLError
from ...targets import DENSE_TARGETS, DenseTarget

T = TypeVar("T")

NOTHING = {
    "semseg": "has no pixel with a class (all are 255)",
    "depth": "has no measured pixel (all are 0)",
    "normals": "has no pixel with a normal (all are 0, 0, 0)",
}
"""Warnings about targets without a valid pixel, by kind."""


@dataclass
class SampleCheck:
    """The readable parts of a sample and its problems.

    Args:
        path: path of its image.
        image: H,W,3 uint8 BGR; None where it is damaged.
        digest: hash of the image's pixels.
        targets: the valid decoded targets by kind.
        problems, warnings: (file, text) pairs.
    """

    path: str
    image: np.ndarray | None = None
    digest: bytes = b""
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def check_sample(
    dataset: DenseDataset, index: int, load_image: LoadImage, load_targets: LoadTargets
) -> SampleCheck:
    """Read the image and each target of a sample separately and check their values.

    Args:
        dataset: data set of the sample; nothing is augmented.
        index: position of the sample.
        load_image, load_targets: transforms of the config that read files.
    """
    check = SampleCheck(path=f"sample {index}")
    info = _guarded(check, check.path, lambda: dataset.get_data_info(index))
    if info is None:
        return check
    check.path = info["img_path"]
    loaded = _guarded(check, check.path, lambda: load_image.transform(dict(info)))
    if loaded is not None:
        _check_image(check, loaded["img"])
    size = None if check.image is None else check.image.shape[:2]
    for target in dataset.targets():
        path = info[target.path]
        array = _guarded(check, path, partial(_load, info, target, size, load_targets))
        if array is not None:
            _check_target(check, target, path, array, len(dataset.metainfo["classes"]))
    return check


def _guarded(check: SampleCheck, path: str, read: Callable[[], T]) -> T | None:
    """Return the result of a function, or record its exception as a problem."""
    try:
        return read()
    except MTLError as error:
        check.problems.append((path, str(error)))
    # Formats and data sets of plugins may raise anything; the check continues.
    except Exception as error:
        check.problems.append((path, f"{path} cannot be read: {type(error).__name__}: {error}"))
    return None


def _load(
    info: dict, target: DenseTarget, size: tuple[int, int] | None, load_targets: LoadTargets
) -> np.ndarray:
    """Read and decode one target without the others."""
    others = {other.path for other in DENSE_TARGETS.values()} - {target.path}
    results = {key: value for key, value in info.items() if key not in others}
    results.update(ori_shape=size, seg_fields=[])
    return load_targets.transform(results)[target.array]


def _check_image(check: SampleCheck, image: np.ndarray) -> None:
    breach = image_breach(image)
    if breach:
        check.problems.append((check.path, f"{check.path} {breach}."))
        return
    check.image = image
    check.digest = hashlib.blake2b(repr(image.shape).encode() + image.tobytes()).digest()
    if (image == image[0, 0]).all():
        colour = image[0, 0, ::-1].tolist()
        check.warnings.append((check.path, f"{check.path} is of one colour (R, G, B = {colour})."))


def _check_target(
    check: SampleCheck, target: DenseTarget, path: str, array: np.ndarray, num_classes: int
) -> None:
    breach = target_breach(target, array, num_classes)
    if breach:
        check.problems.append((path, f"{path} {breach}. Correct the file or its format."))
        return
    check.targets[target.kind] = array
    if (array == target.invalid).all():
        nothing = NOTHING.get(target.kind, "has no valid pixel")
        check.warnings.append((path, f"{path} {nothing}."))
