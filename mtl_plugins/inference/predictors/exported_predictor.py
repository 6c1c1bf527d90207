"""What the predictors of exported models have in common."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DataError
from .model_info import ModelInfo
from .predictor import Maps
from .size_groups import pixels_first, predict_by_size


class ExportedPredictor(ABC):
    """Run an exported model on images; subclasses say how the file is read and run.

    Args:
        info: what the file says of its model.

    Shapes: as in `Predictor`.
    """

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes, palette, unit of depth and tasks."""
        return self.info.metainfo

    def __call__(self, images: Sequence[np.ndarray]) -> list[Maps]:
        """Return each image's maps by task, in the image's size."""
        return predict_by_size(images, self._predict)

    @abstractmethod
    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Return the model's outputs, in the order of the tasks, for what it takes."""

    def _predict(self, batch: np.ndarray) -> Maps:
        size = batch.shape[1:3]
        if self.info.size not in (None, size):
            raise DataError(
                f"The exported model takes images of {self.info.size} (height, width) alone, and "
                f"got {size}: resize them."
            )
        outputs = self.run(batch if self.info.preprocess else self._normalised(batch))
        # Classes have no axis of channels.
        return {
            task: maps if maps.ndim == 3 else pixels_first(maps)
            for task, maps in zip(self.info.tasks, outputs, strict=True)
        }

    def _normalised(self, batch: np.ndarray) -> np.ndarray:
        """Return N,H,W,3 uint8 as N,3,H,W float32, as `MultiTaskDataPreprocessor` does it."""
        channels = batch[..., ::-1] if self.info.bgr_to_rgb else batch
        mean, std = (np.array(values, np.float32) for values in (self.info.mean, self.info.std))
        return np.ascontiguousarray(((channels - mean) / std).transpose(0, 3, 1, 2))


def existing_file(path: str | os.PathLike[str]) -> str:
    """Return the path of a model file that is there.

    Raises:
        FileNotFoundError: it is not.
    """
    name = os.path.expanduser(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"There is no model file {name}; check the path.")
    return name


def first_line(error: Exception) -> str:
    """Return what of an error's text fits into a message."""
    return str(error).strip().partition("\n")[0]
