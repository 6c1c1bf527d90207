"""How a file's values become those of any kind of target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ...targets import DENSE_TARGETS
from .target_format import TargetFormat


@dataclass(frozen=True)
class ValueFormat(TargetFormat):
    """Decode raw values: `value = raw * scale + offset`, of kinds that bring no format.

    Args:
        kind: of `DENSE_TARGETS`; says how many channels a file has and what invalid pixels become.
        scale, offset: the unit a raw step and at raw 0 (8-bit shares of 1: scale 1 / 255).
        invalid: raw values that mean "no truth"; nan and infinity always do. A pixel is invalid
            where all its channels are.

    Raises:
        DataError: `scale` is 0 or not finite, or an unknown kind.

    >>> ValueFormat("depth", scale=0.01, invalid=(0, 255))(np.array([[0, 50, 255]])).tolist()
    [[0.0, 0.5, 0.0]]
    """

    kind: str
    scale: float = 1.0
    offset: float = 0.0
    invalid: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "invalid", tuple(self.invalid))
        if self.kind not in DENSE_TARGETS or not self.scale or not np.isfinite(self.scale):
            raise DataError(
                f"{self}: expected a kind of {list(DENSE_TARGETS)}, and a finite scale that is "
                "not 0."
            )

    @property
    def channels(self) -> int:  # type: ignore[override]  # read-only here
        """How many channels a file has."""
        return DENSE_TARGETS[self.kind].channels

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Return H,W or H,W,C float32 values for the raw ones of `path`."""
        unknown = ~np.isfinite(raw) | np.isin(raw, self.invalid)
        values = np.where(unknown, 0, raw).astype(np.float64) * self.scale + self.offset
        none = unknown if self.channels == 1 else unknown.all(-1)
        values[none] = DENSE_TARGETS[self.kind].invalid
        return values.astype(np.float32)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the raw values nearest to values: 16 bits of one channel, 8 bits of three.

        What cannot be written becomes the nearest raw value that means something.

        Raises:
            NotImplementedError: no picture has so many channels.

        >>> ValueFormat("depth", scale=0.5, invalid=(0,)).encode(np.array([[2.0, 0.1]])).tolist()
        [[4, 1]]
        """
        if self.channels not in (1, 3):
            raise NotImplementedError(f"No picture has {self.channels} channels.")
        kind = np.uint16 if self.channels == 1 else np.uint8
        known = np.setdiff1d(np.arange(np.iinfo(kind).max + 1), self.invalid)
        raw = np.nan_to_num((values.astype(np.float64) - self.offset) / self.scale)
        above = np.searchsorted(known, raw).clip(1, len(known) - 1)
        nearer = raw - known[above - 1] <= known[above] - raw
        return np.where(nearer, known[above - 1], known[above]).astype(kind)
