"""Reading image files strictly: a damaged file is an error, never a half-grey picture."""

from __future__ import annotations

import io

import numpy as np
from mmengine import fileio
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import DataError


def read_image(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Return the image of a file as H,W,3 uint8 BGR.

    Raises:
        DataError: the file is missing, truncated or not an image.
    """
    # As viewers show it, and as labels are drawn on it.
    image = ImageOps.exif_transpose(_open(path, backend_args, "RGB"))
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])


def read_map(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Return the raw values of a single-channel file (class ids, 16-bit depth), H,W.

    A palette image gives its indices, not its colours. `.npy` files are read as well.

    Raises:
        DataError: the file is missing, truncated, not an image, or has several channels.
    """
    if path.endswith(".npy"):
        try:
            values = np.load(io.BytesIO(_bytes(path, backend_args)), allow_pickle=False)
        except ValueError as error:
            raise DataError(f"{path} is not a readable .npy file: {error}.") from error
    else:
        values = np.asarray(_open(path, backend_args, None))
    if values.ndim != 2:
        raise DataError(
            f"{path} has shape {values.shape}; expected one channel (H, W) of class ids or depth. "
            "Convert colour-coded files to ids first."
        )
    return values


def _open(path: str, backend_args: dict | None, mode: str | None) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(_bytes(path, backend_args)))
        # PIL reads lazily; a truncated file shows here.
        image.load()
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} cannot be read as an image: {error}. It is truncated or damaged; replace it "
            "or take it out of the data set."
        ) from error
    return image if mode is None or image.mode == mode else image.convert(mode)


def _bytes(path: str, backend_args: dict | None) -> bytes:
    try:
        return fileio.get(path, backend_args)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
