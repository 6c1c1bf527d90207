"""Reading one sample, and everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...datasets import DenseDataset, LoadImage, LoadTargets, image_breach, target_breach
from ...errors import MTLError
from ...targets import DENSE_TARGETS, DenseTarget

NOTHING = {
    "semseg": "has no pixel with a class (all are 255)",
    "depth": "has no measured pixel (all are 0)",
    "normals": "has no pixel with a normal (all are 0, 0, 0)",
}
"""What is said of a target without a single valid pixel."""


@dataclass
class SampleCheck:
    """One sample: what could be read of it, and what could not.

    Args:
        path: its image.
        image: H,W,3 uint8 BGR; None where it is damaged.
        digest: of the image's pixels: equal for equal pictures.
        targets: decoded targets by kind, those that are right.
        problems, warnings: (file, text).
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
    """Read a sample strictly, image and each target by itself, and check it against the contract.

    Args:
        dataset: where it is from; nothing is augmented.
        index: which one.
        load_image, load_targets: how the config reads.
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
        array = _guarded(check, path, lambda t=target: _load(info, t, size, load_targets))
        if array is not None:
            _check_target(check, target, path, array, len(dataset.metainfo["classes"]))
    return check


def _guarded(check: SampleCheck, path: str, read: Callable) -> object | None:
    """Return what a function reads, or take down why it cannot."""
    try:
        return read()
    except MTLError as error:
        check.problems.append((path, str(error)))
    # A format or data set of somebody else's: the walk goes on.
    except Exception as error:
        check.problems.append((path, f"{path} cannot be read: {type(error).__name__}: {error}"))
    return None


def _load(
    info: dict, target: DenseTarget, size: tuple[int, int] | None, load_targets: LoadTargets
) -> np.ndarray:
    """Return one target, decoded, read without the others."""
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
