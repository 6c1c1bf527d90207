"""The number of channels of images, which data, preprocessor and encoder must share."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config
from mmseg.registry import MODELS

from ..errors import ConfigError, DataError
from ..models import MultiTaskDataPreprocessor
from ..models.encoders import with_channels
from ..models.preprocessing import RGB_CHANNELS
from .datasets import dataset_nodes, opened


def check_channels(config: Config, split: str) -> None:
    """Raise a `ConfigError` if data, preprocessor and encoder take different numbers of channels.

    Data sets are opened as far as their config says what they are; none is read.
    """
    given = config.model.get("data_preprocessor") or {}
    kind = MODELS.get(given["type"]) if isinstance(given.get("type"), str) else given.get("type")
    if not isinstance(kind, type) or not issubclass(kind, MultiTaskDataPreprocessor):
        return
    expected = len(given["mean"]) if "mean" in given else RGB_CHANNELS
    with_channels(config.model.get("backbone"), expected)
    for node in dataset_nodes(config[f"{split}_dataloader"]["dataset"]):
        channels = _channels_of(node)
        if channels not in (None, expected):
            raise ConfigError(
                f"The images of {split}_dataloader have {channels} channels, but "
                f"model.data_preprocessor has mean and std of {expected}. Give it one of each for "
                "every channel (red, green, blue, then the others), or correct image_channels and "
                "extra_images of the data set."
            )


def _channels_of(node: Mapping) -> int | None:
    """Return the number of channels of a data set's images; None where it cannot be opened."""
    try:
        return opened(node).image_channels
    except DataError:
        return None  # reported when it is read
