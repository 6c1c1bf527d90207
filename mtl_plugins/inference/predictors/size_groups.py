"""Images of any sizes, predicted in batches of one size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...errors import DataError
from .predictor import Maps


def predict_by_size(
    images: Sequence[np.ndarray], predict: Callable[[np.ndarray], Mapping[str, np.ndarray]]
) -> list[Maps]:
    """Predict images of equal size together, and each image's maps in the order of the images.

    No image is padded to another's size, so that each gets what it would get alone.

    Args:
        images: H,W,3 uint8.
        predict: from a batch N,H,W,3 to each task's maps, N first.

    Raises:
        DataError: an image is not H,W,3 uint8.

    >>> images = [np.zeros((2, 3, 3), np.uint8), np.ones((4, 5, 3), np.uint8)]
    >>> [maps["sum"].item() for maps in
    ...     predict_by_size(images, lambda batch: {"sum": batch.sum((1, 2, 3))})]
    [0, 60]
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise DataError(
                f"Image {index} is {image.shape} {image.dtype}; expected (height, width, 3) uint8 "
                "in BGR, as OpenCV reads it."
            )
        groups.setdefault(image.shape, []).append(index)
    results: list[Maps] = [{} for _ in images]
    for indices in groups.values():
        batch = predict(np.stack([images[index] for index in indices]))
        for task, maps in batch.items():
            for index, each in zip(indices, maps, strict=True):
                results[index][task] = each
    return results


def pixels_first(maps: np.ndarray) -> np.ndarray:
    """Return maps N,C,H,W as N,H,W,C, and without C where it is 1.

    >>> pixels_first(np.zeros((2, 3, 4, 5))).shape, pixels_first(np.zeros((2, 1, 4, 5))).shape
    ((2, 4, 5, 3), (2, 4, 5))
    """
    return maps[:, 0] if maps.shape[1] == 1 else maps.transpose(0, 2, 3, 1)
