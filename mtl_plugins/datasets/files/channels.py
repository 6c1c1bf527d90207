"""The channels of image files besides red, green and blue."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from ...errors import DataError
from ...models.preprocessing import RGB_CHANNELS
from .image_checks import WIDE

ORIENTATION = 0x0112
"""The EXIF tag of an image's orientation."""

FOUR = ("RGBA", "RGBX")
"""PIL's modes of four channels."""

MULTIPLIED = "RGBa"
"""PIL's layout of colours that are multiplied by their transparency."""

REMEDY = (
    "Write four channels as PNG or TIFF, or any number as .npy (H, W, channels: red, green, blue, "
    "others), or set image_channels to what the files have."
)


def file_channels(
    image: Image.Image, data: bytes, path: str, channels: int, mode: str
) -> np.ndarray:
    """Return the channels of a picture as H,W,channels: blue, green, red, then the others.

    Args:
        image: the opened picture.
        data: the bytes of its file, PNG or TIFF.
        path: for messages.
        channels: number of channels that it must have.
        mode: its `raw_mode`, which is known until its EXIF is read.

    Raises:
        DataError: it has another number, or they cannot be read exactly.
    """
    if image.getexif().get(ORIENTATION, 1) != 1:
        raise DataError(
            f"{path} has {channels} channels and an EXIF orientation; expected none. Write it "
            "turned."
        )
    if image.format not in ("PNG", "TIFF") or mode.startswith(MULTIPLIED):
        raise DataError(
            f"{path} ({image.format}, {image.mode}) does not keep {channels} channels as they were "
            f"written. {REMEDY}"
        )
    found: np.ndarray | None = None
    if image.mode in ("RGB", *FOUR) and (image.mode == "RGB" or WIDE in mode):
        # PIL would drop the fourth channel, or the low bytes.
        found = _opencv(data)
    if found is not None:
        return _of_number(found, path, channels)
    found = _of_number(np.atleast_3d(np.asarray(image)), path, channels)
    return with_blue_first(found)


def stored_channels(values: np.ndarray, path: str, channels: int) -> np.ndarray:
    """Return the channels of an array in a file, blue first; one channel as three, as of pictures.

    Raises:
        DataError: it has another shape.
    """
    if values.ndim == 2:
        values = values[..., None]
    if channels == RGB_CHANNELS and values.shape[2:] == (1,):
        values = np.repeat(values, RGB_CHANNELS, axis=2)
    found = _of_number(values, path, channels)
    return found if channels == 1 else with_blue_first(found)


def with_blue_first(image: np.ndarray) -> np.ndarray:
    """Swap red and blue of an image H,W,C.

    >>> with_blue_first(np.array([[[1, 2, 3, 4]]])).tolist()
    [[[3, 2, 1, 4]]]
    """
    return np.concatenate([image[..., RGB_CHANNELS - 1 :: -1], image[..., RGB_CHANNELS:]], axis=-1)


def grey_of(image: np.ndarray, path: str) -> np.ndarray:
    """Return one channel H,W,1 of an image H,W,3 whose channels are equal.

    Raises:
        DataError: they are not.
    """
    if (image != image[..., :1]).any():
        raise DataError(
            f"{path} has colours; expected one channel. Write the channel that is meant alone, as "
            "grey."
        )
    return image[..., :1]


def wide_colour_values(image: Image.Image, data: bytes) -> np.ndarray:
    """Return the 16-bit colours of a file as H,W,3 BGR; PIL would keep their high bytes alone.

    Raises:
        ValueError: they cannot be read.
    """
    if image.getexif().get(ORIENTATION, 1) != 1:
        raise ValueError("its 16-bit colours have an EXIF orientation; write it turned")
    values = _opencv(data)
    if values is None or values.ndim != 3 or values.dtype != np.uint16:
        raise ValueError("its 16-bit colours are in a layout that OpenCV does not read")
    return values[..., :RGB_CHANNELS]


def _opencv(data: bytes) -> np.ndarray | None:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def _of_number(values: np.ndarray, path: str, channels: int) -> np.ndarray:
    """Return H,W,channels if that is the shape of the values.

    Raises:
        DataError: it is not.
    """
    if values.ndim != 3 or values.shape[2] != channels or not values.size:
        raise DataError(
            f"{path} has shape {values.shape}; expected {channels} channels (H, W, {channels}). "
            f"{REMEDY}"
        )
    return values
