"""Formats that derive a target from a file of ids: outlines, and vectors to centres."""

from dataclasses import dataclass

import numpy as np

from ...targets import IGNORE_LABEL
from ...utils import borders, thin
from .target_format import FORMATS, Invalid, TargetFormat, invalid_values, is_invalid


@FORMATS.register_module()
@dataclass(frozen=True)
class OutlineFormat(TargetFormat):
    """Mark where the ids in a file change: 1 on an outline, 0 elsewhere, for `binary` targets.

    A pixel is on an outline if the id of one of its four neighbours differs.

    Args:
        invalid: raw values without truth, and ranges (smallest, largest) of them; such pixels are
            255. They end their neighbours' regions as any other value does.
        thinned: make lines of one pixel from those of two (one on each side), as edges are
            measured. A mirrored file may then have its lines one pixel aside.

    Raises:
        DataError: `invalid` has something else.

    >>> OutlineFormat(invalid=(9,))(np.array([[4, 4, 4, 5, 9]])).tolist()
    [[0, 0, 1, 1, 255]]
    >>> OutlineFormat(thinned=True)(np.repeat([[4, 4, 5, 5]], 3, axis=0)).sum(axis=1).tolist()
    [0, 1, 1]
    """

    exact = True
    local = False

    invalid: Invalid = ()
    thinned: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "invalid", invalid_values(self.invalid))

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode H,W ids of the file `path` into H,W uint8: 0, 1, or 255 for none."""
        found = borders(raw)
        found = thin(found) if self.thinned else found
        return np.where(is_invalid(raw, self.invalid), IGNORE_LABEL, found).astype(np.uint8)


@FORMATS.register_module()
@dataclass(frozen=True)
class CentreFormat(TargetFormat):
    """Give each pixel of an object the vector to the object's centre, for `offset` targets.

    The centre is the mean place of the pixels with the object's id, as in Panoptic-DeepLab (Cheng
    et al. 2020, https://arxiv.org/abs/1911.10194), whether a crop shows all of them or not.

    Args:
        invalid: raw values that are no object, and ranges (smallest, largest) of them; such pixels
            have no truth.

    Raises:
        DataError: `invalid` has something else.

    >>> CentreFormat()(np.array([[0, 7, 7, 7]]))[0].tolist()
    [[nan, nan], [1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]
    """

    exact = True
    local = False

    invalid: Invalid = (0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "invalid", invalid_values(self.invalid))

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode H,W ids of the file `path` into H,W,2 float32 pixels (x right, y down; nan)."""
        _, objects = np.unique(raw, return_inverse=True)
        objects = objects.reshape(-1)
        counts = np.bincount(objects)
        offsets = np.empty((*raw.shape, 2), np.float32)
        # x are columns, y rows.
        for axis, places in enumerate(np.indices(raw.shape)[::-1]):
            centres = np.bincount(objects, places.reshape(-1)) / counts
            offsets[..., axis] = centres[objects].reshape(raw.shape) - places
        offsets[is_invalid(raw, self.invalid)] = np.nan
        return offsets
