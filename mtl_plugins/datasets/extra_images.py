"""Images of one channel beside those of colours, such as infrared, stacked behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError
from ..targets import Target
from ..utils import did_you_mean
from .declarations import Declaration, checked_suffixes
from .files import Range, is_image_range, read_image

KEYS = ("folder", "suffix", "image_range")
"""What a config says about the images of a further channel."""


@dataclass(frozen=True)
class ExtraImages:
    """Hold what a config says about the images of one further channel.

    Args:
        files: how they are paired with the images: as those of a target, which is none to learn.
        image_range: values of 16-bit files that become 0 and 255, see `read_image`.
    """

    files: Declaration
    image_range: Range | None = None

    def read(self, path: str, backend_args: dict | None, image: np.ndarray) -> np.ndarray:
        """Return the channel of an image, H,W,1.

        Raises:
            DataError: the file has another size, or several channels.
        """
        found = read_image(path, backend_args, True, self.image_range, channels=1)
        if found.shape[:2] != image.shape[:2]:
            (height, width), (rows, columns) = image.shape[:2], found.shape[:2]
            raise DataError(
                f"{path} is {rows}x{columns} pixels, but the image that it is stacked on "
                f"{height}x{width} (height x width). Resize it, or pair the right files."
            )
        return found


def declared_extras(given: Any, taken: Mapping[str, Any]) -> dict[str, ExtraImages]:
    """Return the further channels of a config's `extra_images` by name, in their order.

    Args:
        given: `{name: dict(folder=..., suffix=..., image_range=...)}`, or None.
        taken: the targets of the data set, whose names are taken.

    Raises:
        ConfigError: a value is unknown, missing or of another form.
    """
    if given is not None and not isinstance(given, Mapping):
        raise ConfigError(
            f"extra_images={given!r}; expected dict(<name>=dict(folder=..., suffix=...), ...)."
        )
    found = {}
    for name, each in (given or {}).items():
        written = f"extra_images.{name}"
        if not isinstance(each, Mapping) or not isinstance(each.get("folder"), str):
            raise ConfigError(
                f"{written}={each!r}; expected dict(folder=..., suffix=...), the folder as text."
            )
        for key in each:
            if key not in KEYS:
                raise ConfigError(f"{written} has no {key!r}. {did_you_mean(key, KEYS)}")
        if name in taken:
            raise ConfigError(f"{written} has the name of a target; give it another one.")
        limits = each.get("image_range")
        if limits is not None and not is_image_range(limits, channels=0):
            raise ConfigError(
                f"{written}.image_range={limits!r}; expected the values of 16-bit images that are "
                "black and white, such as (0, 16383) for 14 bits."
            )
        suffixes = checked_suffixes(f"{written}.suffix", each.get("suffix", ".png"))
        files = Declaration(
            Target(name, "scalar"),
            {},
            {},
            written,
            each["folder"],
            suffixes,
            section="extra_images",
        )
        found[name] = ExtraImages(files, None if limits is None else (*limits,))
    return found
