"""What is predicted of one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...errors import ConfigError
from ...targets import DEPTH, NORMALS, SEMSEG
from ..inputs.source import Problem, Source
from .bins import DepthBins
from .predictor import Maps


@dataclass(frozen=True)
class Prediction:
    """Every task's map of one image, in the image's own size.

    Args:
        name: distinct among all of a call; frames of a video are `<video>/<number>`.
        image: H,W,3 uint8 BGR.
        maps: by the task's name, see `Predictor`.
        kinds: each task's kind of `structures.DENSE_TARGETS`.
        source: where the image comes from.
        index: number of the frame in its source.
        bins: each task's distribution over depths, where asked for.
    """

    name: str
    image: np.ndarray
    maps: Maps
    kinds: Mapping[str, str]
    source: Source
    index: int = 0
    bins: Mapping[str, DepthBins] = field(default_factory=dict)

    @property
    def semseg(self) -> np.ndarray | None:
        """Class ids, H,W uint8; None where the network has no classes."""
        return self.of_kind(SEMSEG.kind)

    @property
    def depth(self) -> np.ndarray | None:
        """Metres (the data's unit where it is relative), H,W float32."""
        return self.of_kind(DEPTH.kind)

    @property
    def normals(self) -> np.ndarray | None:
        """Unit vectors, H,W,3 float32: x right, y down, z ahead."""
        return self.of_kind(NORMALS.kind)

    def of_kind(self, kind: str) -> np.ndarray | None:
        """Return the map of the task of a kind."""
        return next((m for task, m in self.maps.items() if self.kinds[task] == kind), None)

    def needed(self, kind: str) -> np.ndarray:
        """Return the map of the task of a kind.

        Raises:
            ConfigError: the network predicts no task of it.
        """
        found = self.of_kind(kind)
        if found is None:
            raise ConfigError(f"There is no task of {kind}, only {sorted(self.kinds.values())}.")
        return found

    def __getitem__(self, task: str) -> np.ndarray:
        """Return the map of a task by its name."""
        return self.maps[task]


class Predictions(list[Prediction]):
    """Predictions in the order of the inputs, and in `problems` the inputs that are missing."""

    def __init__(self, predictions: list[Prediction], problems: list[Problem]) -> None:
        super().__init__(predictions)
        self.problems = problems
