"""The maps of one task of one image: in memory, in a sample, and in small files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement
from PIL import Image
from torch import Tensor

from ..errors import DataError
from ..targets import PREDEFINED, Target, targets_in

JPEG_QUALITY = 85


@dataclass(frozen=True)
class TaskMaps:
    """Truth and prediction of one task of one image.

    Args:
        target: describes the values.
        prediction: H,W (vectors: H,W,C), or None where there is none.
        truth: the same shape, or None where there is none.
        name: heading of the row; default: see `title_of`.

    Raises:
        ValueError: both maps are missing, or a shape is wrong.
    """

    target: Any  # Target; until the predictions of inference have targets, also a name
    prediction: np.ndarray | None = None
    truth: np.ndarray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.target, str):
            object.__setattr__(self, "target", PREDEFINED[self.target])
        shapes = {m.shape for m in (self.prediction, self.truth) if m is not None}
        channels = self.target.channels
        tail = () if channels == 1 else (channels,)
        if len(shapes) != 1 or next(iter(shapes)) != (*self.shape, *tail):
            raise ValueError(
                f"The maps of {self.target.name} have shapes {sorted(shapes)}: expected a "
                "prediction, a truth or both, of one shape "
                f"{','.join(['H', 'W', *map(str, tail)])}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Return H,W of both maps."""
        return self.given[0].shape[:2]

    @property
    def given(self) -> list[np.ndarray]:
        """Return truth and prediction, or the one of them that exists."""
        return [values for values in (self.truth, self.prediction) if values is not None]

    @property
    def complete(self) -> bool:
        """Return whether every pixel of the maps has a value."""
        return all(self.target.known(values).all() for values in self.given)

    def known_values(self, shared: bool = False) -> np.ndarray:
        """Return the values (of vectors the lengths) of the pixels that have one, as one vector.

        They are those of the truth, or of the prediction where no pixel has truth. With `shared`,
        they are those of both, only where the first of them has a value.
        """
        first = self.target.known(self.given[0])
        found = []
        for values in self.given:
            valid = self.target.known(values) & (first if shared else True)
            sizes = np.linalg.norm(values, axis=-1) if self.target.vector else values
            found.append(sizes[valid])
        if shared:
            return np.concatenate(found)
        return next((values for values in found if values.size), found[0])


def ordered(names: Iterable[str]) -> list[str]:
    """Return the different names of targets in the order of pictures: predefined ones first.

    >>> ordered(["lanes", "depth", "semseg", "lanes"])
    ['semseg', 'depth', 'lanes']
    """
    places = {name: place for place, name in enumerate(PREDEFINED)}
    return sorted(dict.fromkeys(names), key=lambda name: places.get(name, len(places)))


def as_array(data: Tensor) -> np.ndarray:
    """Convert a map of a sample to the layout of pictures: 1,H,W to H,W and C,H,W to H,W,C."""
    return data.squeeze(0).cpu().numpy() if len(data) == 1 else data.movedim(0, 2).cpu().numpy()


def sample_targets(
    sample: BaseDataElement, meta: Mapping[str, Any] | None = None, truth_only: bool = False
) -> list[Target]:
    """Return the targets that a sample predicts (`truth_only`: that have truth), as described.

    Predefined targets come first, in their order. Names of classes, units, ... are those of the
    sample's data set; where it does not describe a target, those of the network.

    Args:
        sample: whose metainfo may have `targets` and `predicted`.
        meta: metainfo of the data set.
        truth_only: see above.
    """
    # A data set that does not load a predefined target describes it by `classes`, `depth_unit`.
    others = {key: value for key, value in (meta or {}).items() if key != "targets"}
    known = {**targets_in(others), **targets_in(meta)}
    known |= {target.name: target for target in sample.metainfo.get("targets", ())}
    if truth_only:
        found = [target for target in known.values() if target.truth in sample]
    else:
        predicted = sample.metainfo.get("predicted", PREDEFINED.values())
        found = [_described(target, known) for target in predicted if target.prediction in sample]
    by_name = {target.name: target for target in found}
    return [by_name[name] for name in ordered(by_name)]


def sample_maps(
    sample: BaseDataElement, meta: Mapping[str, Any] | None = None, truth_only: bool = False
) -> list[TaskMaps]:
    """Return prediction and truth (None where missing) of each of `sample_targets`.

    With `truth_only`, return the truth of each target that has one.
    """
    found = []
    for target in sample_targets(sample, meta, truth_only):
        keys = (None if truth_only else target.prediction, target.truth)
        guess, truth = (as_array(sample.get(k).data) if k in sample else None for k in keys)
        found.append(TaskMaps(target, guess, truth))
    return found


def _described(target: Target, known: Mapping[str, Target]) -> Target:
    """Return a predicted target as the data set describes its truth, if it does."""
    found = known.get(target.truth_name)
    if found is None or len(found.classes) < len(target.classes):
        return target
    return found.learned_by(target.name) if target.truth_of else found


def save_maps(
    path: Path, image: np.ndarray, targets: Sequence[TaskMaps], longest: int = 512
) -> None:
    """Write an image and its maps to `<path>.jpg` and `<path>.npz`, to be painted later.

    Ids are kept exactly, other values as float16 (3 digits). Larger maps are subsampled, not
    averaged; the image is resized to their size. The targets are not described: store
    `Target.to_dict` for `load_maps`.

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
                arrays[f"{maps.target.name}_{part}"] = _compact(values[rows[:, None], columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not with_suffix: names may contain dots.
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
    picture.save(f"{path}.jpg", quality=JPEG_QUALITY)
    # NumPy's stub takes the arrays for options.
    np.savez_compressed(f"{path}.npz", **arrays)  # type: ignore[arg-type]


def load_maps(path: Path, targets: Mapping[str, Target] = PREDEFINED) -> dict[str, TaskMaps]:
    """Read the maps that `save_maps` wrote, by the target's name; values become float32.

    Args:
        path: path without suffix.
        targets: by name.

    Raises:
        DataError: the file is missing or damaged, or holds maps of another target.
    """
    parts: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(f"{path}.npz", allow_pickle=False) as arrays:
            for key, values in arrays.items():
                name, part = key.rsplit("_", 1)
                exact = np.issubdtype(values.dtype, np.integer)
                parts.setdefault(name, {})[part] = values if exact else values.astype(np.float32)
        return {
            name: TaskMaps(_named(name, targets), maps.get("prediction"), maps.get("truth"))
            for name, maps in parts.items()
        }
    # Damaged archives raise exceptions of many types.
    except Exception as error:
        raise DataError(f"{path}.npz cannot be read: {error}.") from error


def _named(name: str, targets: Mapping[str, Target]) -> Target:
    if name not in targets:
        raise DataError(f"it holds maps of {name!r}, but only {list(targets)} are described")
    return targets[name]


def _compact(values: np.ndarray) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.integer):
        largest = np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max()
        return values.astype(np.float16 if largest <= np.finfo(np.float16).max else np.float32)
    return values.astype(np.uint8 if values.min() >= 0 and values.max() <= 255 else np.int32)
