"""Reading image files strictly: a damaged file is an error, never a half-grey picture."""

from __future__ import annotations

import io

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import DataError
from .exr import read_exr


def read_image(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Return the image of a file as H,W,3 uint8 BGR.

    Raises:
        DataError: the file is missing, truncated or not an image.
    """
    # As viewers show it, and as labels are drawn on it.
    image = ImageOps.exif_transpose(_open(path, backend_args, "RGB"))
    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)


def read_map(path: str, backend_args: dict | None = None, channels: int = 1) -> np.ndarray:
    """Return the raw values of a target's file: H,W for one channel, otherwise H,W,channels.

    A palette image gives its indices, not its colours; three channels are in RGB order, without a
    fourth one of transparency; `channels=0` takes as many as there are. `.npy` and `.exr` files
    are read as well.

    Raises:
        ImportError: an `.exr` file without OpenEXR installed.
        DataError: the file is missing, truncated, not an image, or has another number of channels.
    """
    if path.endswith(".npy"):
        try:
            values = np.load(io.BytesIO(_bytes(path, backend_args)), allow_pickle=False)
        except ValueError as error:
            raise DataError(f"{path} is not a readable .npy file: {error}.") from error
    elif path.endswith(".exr"):
        values = read_exr(_bytes(path, backend_args), path)
    else:
        image = _open(path, backend_args, None)
        transparent = channels == 3 and image.mode == "RGBA"
        values = np.asarray(image.convert("RGB") if transparent else image)
    if channels == 0 and values.ndim >= 2:
        return values
    expected = (*values.shape[:2], channels) if channels > 1 else values.shape[:2]
    if values.ndim < 2 or values.shape != expected:
        wanted = f"{channels} channels (H, W, {channels})" if channels > 1 else "one channel (H, W)"
        raise DataError(
            f"{path} has shape {values.shape}; expected {wanted}. Class ids and depth have one, "
            "normals three; for files that are pictures of classes give label_map colours as keys."
        )
    return values


def _open(path: str, backend_args: dict | None, mode: str | None) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(_bytes(path, backend_args)))
        # PIL reads lazily; a truncated file shows here.
        image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        # PIL would show where in memory the bytes lie: another text at every reading.
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "it begins like no known image format" if unknown else error
        raise DataError(
            f"{path} cannot be read as an image: {reason}. It is truncated or damaged; replace it "
            "or take it out of the data set."
        ) from error
    return image if mode is None or image.mode == mode else image.convert(mode)


def _bytes(path: str, backend_args: dict | None) -> bytes:
    try:
        return fileio.get(path, backend_args)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
