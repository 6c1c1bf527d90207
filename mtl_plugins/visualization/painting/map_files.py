"""The image and the maps of a sample as small files, to be painted later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import DataError
from .rows import TaskMaps

JPEG_QUALITY = 85


def save_maps(
    path: Path, image: np.ndarray, targets: Sequence[TaskMaps], longest: int = 512
) -> None:
    """Write `<path>.jpg` and `<path>.npz`: an image and what is true and predicted of it.

    Class ids are kept exactly; depths and normals as float16, which is 3 digits. Larger maps are
    thinned out, never averaged, and the image is resized to their size.

    Args:
        path: without suffix; its folder is made.
        image: H,W,3 uint8 RGB, of any size.
        targets: maps of one size.
        longest: pixels of the longer side at most.

    Raises:
        ValueError: no target.
    """
    if not targets:
        raise ValueError("targets is empty: expected the maps of at least one task.")
    height, width = targets[0].shape
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(scale * height)), max(1, round(scale * width))
    # The pixel in the middle of each cell.
    rows, columns = (
        (np.arange(small) * 2 + 1) * large // (2 * small)
        for small, large in zip(size, (height, width), strict=True)
    )
    arrays = {}
    for maps in targets:
        for part in ("truth", "prediction"):
            values = getattr(maps, part)
            if values is not None:
                arrays[f"{maps.kind}_{part}"] = _compact(values[rows[:, None], columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not with_suffix: names may hold dots.
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
    picture.save(f"{path}.jpg", quality=JPEG_QUALITY)
    np.savez_compressed(f"{path}.npz", **arrays)  # type: ignore[arg-type]  # its stub takes them for options


def load_maps(path: Path) -> dict[str, TaskMaps]:
    """Return by kind the maps that `save_maps` wrote; floating point is float32 again.

    Raises:
        DataError: the file is missing or damaged.
    """
    parts: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(f"{path}.npz", allow_pickle=False) as arrays:
            for key, values in arrays.items():
                kind, part = key.rsplit("_", 1)
                exact = np.issubdtype(values.dtype, np.integer)
                parts.setdefault(kind, {})[part] = values if exact else values.astype(np.float32)
        return {
            kind: TaskMaps(kind, maps.get("prediction"), maps.get("truth"))
            for kind, maps in parts.items()
        }
    # Damaged archives fail in every way there is.
    except Exception as error:
        raise DataError(f"{path}.npz cannot be read: {error}.") from error


def _compact(values: np.ndarray) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.integer):
        # A prediction beyond float16 becomes infinite, which it as good as is.
        with np.errstate(over="ignore"):
            return values.astype(np.float16)
    return values.astype(np.uint8 if values.min() >= 0 and values.max() <= 255 else np.int32)
