"""Decoding what a shard holds, with the shard to blame where it cannot be."""

from __future__ import annotations

import numpy as np

from ...errors import DataError
from ...targets import DenseTarget
from ..contract import target_breach
from ..formats.target_format import TargetFormat
from .layout import REMEDY


class StoredFormat(TargetFormat):
    """Decode the values of a target in a shard.

    They were decoded once before they were packed: what is wrong with them now is the shard.

    Args:
        shard: path of the shard.
        target: kind of the target.
        num_classes: number of classes of the data set.
        decode: the format of raw values; None where decoded ones were packed, which are checked
            and copied.
    """

    def __init__(
        self, shard: str, target: DenseTarget, num_classes: int, decode: TargetFormat | None
    ) -> None:
        self.shard = shard
        self.target = target
        self.num_classes = num_classes
        self.decode = decode

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Return the decoded values of what was packed from the file `path`."""
        try:
            if self.decode is not None:
                return self.decode(raw, path)
        except DataError as error:
            raise self._damaged(str(error)) from error
        breach = target_breach(self.target, raw, self.num_classes)
        if breach:
            raise self._damaged(f"{path} {breach}.")
        # Packed data is mapped read-only, and a later transform may write.
        return raw.copy()

    def _damaged(self, reason: str) -> DataError:
        return DataError(
            f"{self.shard} is damaged: when it was packed, this was not so: {reason} {REMEDY}"
        )

    def for_file(self, path: str) -> TargetFormat:
        """Return the format of the raw values, where there is one."""
        return self if self.decode is None else self.decode.for_file(path)
