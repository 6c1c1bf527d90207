"""Checks of decoded arrays against the shapes, types and ranges of `targets.py`."""

import numpy as np

from ..targets import DEPTH, IGNORE_LABEL, NORMALS, SEMSEG, DenseTarget

LENGTH_ERROR = 1e-3
"""Tolerance of the length of unit vectors in float32."""


def image_breach(image: np.ndarray) -> str | None:
    """Describe why an image is not H,W,3 uint8 with at least one pixel; None if it is."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        return f"is {image.dtype} of shape {image.shape}; expected uint8 of H, W, 3"
    return None


def target_breach(target: DenseTarget, array: np.ndarray, num_classes: int) -> str | None:
    """Describe how a decoded target breaks its contract; None if it does not.

    Class ids must be in range, depths finite and not negative, normals of length 1 or 0, values of
    other kinds finite.

    Args:
        target: its kind.
        array: the decoded file, H,W or H,W,C.
        num_classes: number of classes of the data set.

    >>> target_breach(SEMSEG, np.array([[0, 2]], np.uint8), num_classes=2)
    'has the class ids [2]; expected 0 to 1, or 255 for no class'
    >>> target_breach(DEPTH, np.array([[0.0, 2.5]], np.float32), num_classes=0)
    """
    dtype = np.uint8 if target.kind == SEMSEG.kind else np.float32
    shape = array.shape[:2] + ((target.channels,) if target.channels > 1 else ())
    if array.dtype != dtype or array.ndim < 2 or array.shape != shape:
        wanted = "H, W" + (f", {target.channels}" if target.channels > 1 else "")
        return (
            f"decodes to {array.dtype} of shape {array.shape}; expected {np.dtype(dtype)} "
            f"of {wanted}"
        )
    return CHECKS.get(target.kind, _finite)(array, num_classes)


def _semseg(labels: np.ndarray, num_classes: int) -> str | None:
    # 255 + 1 is 0 in 8 bits, so one comparison covers "no class" as well.
    if (labels + np.uint8(1)).max(initial=0) <= num_classes:
        return None
    wrong = np.unique(labels[(labels >= num_classes) & (labels != IGNORE_LABEL)])
    return (
        f"has the class ids {wrong.tolist()}; expected 0 to {num_classes - 1}, or "
        f"{IGNORE_LABEL} for no class"
    )


def _depth(depth: np.ndarray, num_classes: int) -> str | None:
    wrong = ~np.isfinite(depth) | (depth < 0)
    if not wrong.any():
        return None
    return (
        f"decodes to {wrong.sum()} depths that are negative, nan or infinite, such as "
        f"{depth[wrong][0]}; expected metres, or 0 for not measured"
    )


def _normals(normals: np.ndarray, num_classes: int) -> str | None:
    length = np.linalg.norm(normals, axis=-1)
    # Negated, so that nan is wrong as well.
    wrong = ~((np.abs(length - 1) < LENGTH_ERROR) | (length == 0))
    if not wrong.any():
        return None
    return (
        f"decodes to {wrong.sum()} normals that are no unit vectors, such as one of length "
        f"{length[wrong][0]:.4g}; expected length 1, or 0, 0, 0 for none"
    )


def _finite(values: np.ndarray, num_classes: int) -> str | None:
    wrong = ~np.isfinite(values)
    if not wrong.any():
        return None
    return f"decodes to {wrong.sum()} values that are nan or infinite; expected finite ones"


CHECKS = {SEMSEG.kind: _semseg, DEPTH.kind: _depth, NORMALS.kind: _normals}
"""Kind -> check of its values."""
