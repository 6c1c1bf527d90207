"""The maps of one task of one image: in memory, in a sample, and in small files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.structures import BaseDataElement
from PIL import Image
from torch import Tensor

from ..errors import DataError
from ..targets import DENSE_TARGETS

JPEG_QUALITY = 85


@dataclass(frozen=True)
class TaskMaps:
    """Truth and prediction of one task of one image.

    Args:
        kind: a kind of `DENSE_TARGETS`.
        prediction: H,W (several channels: H,W,C), or None where there is none.
        truth: the same shape, or None where there is none.
        name: heading of the row; default: the painter's name for the kind.

    Raises:
        ValueError: the kind is unknown, both maps are missing, or a shape is wrong.
    """

    kind: str
    prediction: np.ndarray | None = None
    truth: np.ndarray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in DENSE_TARGETS:
            raise ValueError(f"kind={self.kind!r}: expected one of {list(DENSE_TARGETS)}.")
        shapes = {m.shape for m in (self.prediction, self.truth) if m is not None}
        channels = DENSE_TARGETS[self.kind].channels
        tail = () if channels == 1 else (channels,)
        if len(shapes) != 1 or next(iter(shapes)) != (*self.shape, *tail):
            raise ValueError(
                f"The {self.kind} maps have shapes {sorted(shapes)}: expected a prediction, a "
                f"truth or both, of one shape {','.join(['H', 'W', *map(str, tail)])}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Return H,W of both maps."""
        return self.known[0].shape[:2]

    @property
    def known(self) -> list[np.ndarray]:
        """Return truth and prediction, or the one of them that exists."""
        return [values for values in (self.truth, self.prediction) if values is not None]


def as_array(data: Tensor) -> np.ndarray:
    """Convert a map of a sample to the layout of pictures: 1,H,W to H,W and C,H,W to H,W,C."""
    return data.squeeze(0).cpu().numpy() if len(data) == 1 else data.movedim(0, 2).cpu().numpy()


def sample_maps(sample: BaseDataElement, truth_only: bool = False) -> list[TaskMaps]:
    """Return prediction and truth (None where missing) of each task that a sample predicts.

    With `truth_only`, return the truth of each task that has one.
    """
    found = []
    for target in DENSE_TARGETS.values():
        if (target.truth if truth_only else target.prediction) in sample:
            keys = (None if truth_only else target.prediction, target.truth)
            guess, truth = (as_array(sample.get(k).data) if k in sample else None for k in keys)
            found.append(TaskMaps(target.kind, guess, truth))
    return found


def save_maps(
    path: Path, image: np.ndarray, targets: Sequence[TaskMaps], longest: int = 512
) -> None:
    """Write an image and its maps to `<path>.jpg` and `<path>.npz`, to be painted later.

    Class ids are kept exactly, depths and normals as float16 (3 digits). Larger maps are
    subsampled, not averaged; the image is resized to their size.

    Args:
        path: path without suffix; its folder is created.
        image: H,W,3 uint8 RGB, of any size.
        targets: maps of one size.
        longest: largest number of pixels of the longer side.

    Raises:
        ValueError: `targets` is empty.
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
    # Not with_suffix: names may contain dots.
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
    picture.save(f"{path}.jpg", quality=JPEG_QUALITY)
    # NumPy's stub takes the arrays for options.
    np.savez_compressed(f"{path}.npz", **arrays)  # type: ignore[arg-type]


def load_maps(path: Path) -> dict[str, TaskMaps]:
    """Read by kind the maps that `save_maps` wrote; floating-point maps become float32.

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
    # Damaged archives raise exceptions of many types.
    except Exception as error:
        raise DataError(f"{path}.npz cannot be read: {error}.") from error


def _compact(values: np.ndarray) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.integer):
        # Predictions beyond the range of float16 become infinite.
        with np.errstate(over="ignore"):
            return values.astype(np.float16)
    return values.astype(np.uint8 if values.min() >= 0 and values.max() <= 255 else np.int32)
