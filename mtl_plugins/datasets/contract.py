"""Checks of decoded arrays against the shapes, types and ranges of `targets.py`."""

import numpy as np

from ..models.preprocessing import RGB_CHANNELS
from ..targets import DEPTH, Target  # noqa: F401  # DEPTH: for the example

LENGTH_ERROR = 1e-3
"""Tolerance of the length of unit vectors in float32."""


def image_breach(
    image: np.ndarray, channels: int = RGB_CHANNELS, levels: bool = False
) -> str | None:
    """Describe why an image is not H,W,channels uint8 with at least one pixel; None if it is.

    Args:
        levels: it may also be float32, with intensities of 0 to 255, as where a range of 16 bits is
            stated.
    """
    types = ("uint8", "float32") if levels else ("uint8",)
    shaped = image.ndim == 3 and image.shape[2] == channels and image.size
    if image.dtype not in types or not shaped:
        wanted = " or ".join(types)
        return f"is {image.dtype} of shape {image.shape}; expected {wanted} of H, W, {channels}"
    if image.dtype == np.float32 and not (image.min() >= 0 and image.max() <= 255):
        return f"has intensities of {image.min()} to {image.max()}; expected 0 to 255"
    return None


def target_breach(target: Target, array: np.ndarray) -> str | None:
    """Describe how a decoded target breaks its contract; None if it does not.

    Ids must be in range, distances finite and not negative, directions of length 1 or 0, and other
    values within the target's range or nan.

    Args:
        target: what the array should be.
        array: the decoded file, H,W or H,W,C.

    >>> walls = Target("walls", "classes", classes=("none", "wall"))
    >>> target_breach(walls, np.array([[0, 2]], np.uint8))
    'has the class ids [2]; expected 0 to 1, or 255 for no class'
    >>> target_breach(DEPTH, np.array([[0.0, 2.5]], np.float32))
    """
    shape = array.shape[:2] + ((target.channels,) if target.channels > 1 else ())
    if array.dtype != target.dtype or array.ndim < 2 or array.shape != shape:
        wanted = "H, W" + (f", {target.channels}" if target.channels > 1 else "")
        return (
            f"decodes to {array.dtype} of shape {array.shape}; expected {target.dtype} of {wanted}"
        )
    return CHECKS[target.type](target, array)


def _ids(target: Target, labels: np.ndarray) -> str | None:
    # The largest id + 1 is 0, so one comparison covers "no class" as well.
    if (labels + labels.dtype.type(1)).max(initial=0) <= target.num_classes:
        return None
    wrong = np.unique(labels[(labels >= target.num_classes) & (labels != target.invalid)])
    return (
        f"has the class ids {wrong.tolist()}; expected 0 to {target.num_classes - 1}, or "
        f"{target.invalid} for no class"
    )


def _scalars(target: Target, values: np.ndarray) -> str | None:
    wrong = np.isinf(values)
    if target.distance:
        wrong = ~np.isfinite(values) | (values < 0)
    if target.range is not None:
        known = target.known(values)
        wrong |= known & ((values < target.range[0]) | (values > target.range[1]))
    if not wrong.any():
        return None
    if target.distance and target.range is None:
        return (
            f"decodes to {wrong.sum()} depths that are negative, nan or infinite, such as "
            f"{values[wrong][0]}; expected metres, or 0 for not measured"
        )
    return (
        f"decodes to {wrong.sum()} values such as {values[wrong][0]}; expected "
        f"{'finite ones' if target.range is None else target.range}, or {target.invalid} for none"
    )


def _directions(target: Target, vectors: np.ndarray) -> str | None:
    length = np.linalg.norm(vectors, axis=-1)
    # Negated, so that nan is wrong as well.
    wrong = ~((np.abs(length - 1) < LENGTH_ERROR) | (length == 0))
    if not wrong.any():
        return None
    return (
        f"decodes to {wrong.sum()} normals that are no unit vectors, such as one of length "
        f"{length[wrong][0]:.4g}; expected length 1, or 0, 0, 0 for none"
    )


def _offsets(target: Target, values: np.ndarray) -> str | None:
    wrong = np.isinf(values)
    if not wrong.any():
        return None
    return f"decodes to {wrong.sum()} values that are infinite; expected pixels, or nan for none"


CHECKS = dict(classes=_ids, binary=_ids, scalar=_scalars, direction=_directions, offset=_offsets)
"""Type -> check of its values."""
