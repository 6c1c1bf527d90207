"""Decoding and encoding of files of surface normals."""

from dataclasses import dataclass, field

import numpy as np

from ...errors import DataError
from ...targets import NO_NORMAL, NORMALS
from .target_format import TargetFormat, register_format

LENGTHS = (0.5, 1.5)
"""Range of lengths of a normal; vectors outside are invalid (black, grey and NaN pixels)."""


@dataclass(frozen=True)
class NormalFormat(TargetFormat):
    """Decode raw normals: `vector = (raw * scale + offset) * signs`, normalised to length 1.

    The defaults read the usual 8-bit pictures, where 0..255 encodes -1..1. There black (0, 0, 0)
    and grey (128, 128, 128) decode to vectors far from length 1, and so become invalid.

    Args:
        scale, offset: map a raw component to -1..1; for `.npy` files of vectors 1 and 0.
        signs: factor 1 or -1 of x, y and z, for data whose axes are not x right, y down, z ahead
            (OpenGL's y up, z backwards: 1, -1, -1).

    Raises:
        DataError: `scale` is 0, or `signs` are not three of 1 or -1.

    >>> NormalFormat()(np.array([[[255, 128, 128], [0, 0, 0]]], np.uint8)).round(2).tolist()
    [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]
    """

    channels: int = field(default=3, init=False, repr=False)

    scale: float = 2 / 255
    offset: float = -1.0
    signs: tuple[int, int, int] = (1, 1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signs", tuple(self.signs))
        if self.scale == 0 or len(self.signs) != 3 or not set(self.signs) <= {1, -1}:
            raise DataError(
                f"normal_format: scale={self.scale}, signs={self.signs}; expected a scale that is "
                "not 0, and three signs of 1 or -1."
            )

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode H,W,3 raw values of the file `path` into float32 unit vectors (0: none)."""
        vectors = (raw.astype(np.float32) * self.scale + self.offset) * np.array(
            self.signs, np.float32
        )
        length = np.linalg.norm(vectors, axis=-1, keepdims=True)
        # False for NaN as well.
        valid = (length > LENGTHS[0]) & (length < LENGTHS[1])
        return np.where(valid, vectors / np.where(valid, length, 1), NO_NORMAL).astype(np.float32)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode H,W,3 unit vectors as 8-bit values.

        >>> NormalFormat().encode(np.array([[[1.0, 0.0, -1.0]]])).tolist()
        [[[255, 128, 0]]]
        """
        raw = (values * np.array(self.signs) - self.offset) / self.scale
        return raw.round().clip(0, 255).astype(np.uint8)


register_format(NORMALS.kind, NormalFormat)
