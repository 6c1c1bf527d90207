"""What turns images into maps, whatever runs the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

Maps = dict[str, np.ndarray]
"""One image's prediction by the task's name, in the image's own size: semseg H,W uint8 class ids;
depth H,W float32 metres; normals H,W,3 float32 unit vectors; others H,W or H,W,C float32."""


class Predictor(Protocol):
    """Predict every task of some images.

    `metainfo` holds `classes` (names), `palette` (one R, G, B a class), `depth_unit` ("m" unless
    depth is relative) and `tasks`, `{name: kind of structures.DENSE_TARGETS}`.
    """

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """What is said above."""

    def __call__(self, images: Sequence[np.ndarray]) -> list[Maps]:
        """Return the maps of each image, H,W,3 uint8 BGR; sizes may differ."""
