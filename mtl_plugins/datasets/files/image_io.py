"""Reading image files strictly: a damaged file is an error, never a half-grey picture."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ...errors import DataError
from . import jpeg_check, png_check
from .exr import read_exr
from .npy_file import parse_npy

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are tried. PIL knows others, one of which starts another program to draw."""

LOSSY = ("JPEG", "JPEG2000", "MPO")
"""Formats whose values may not be those that were written."""

LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
"""Compressions of a TIFF of which the same is true."""

STEPS = {"L;2": 85, "L;4": 17}
"""What PIL multiplies grey values of 2 and 4 bits by."""

ORIENTATION = 0x0112
"""The EXIF tag of how a picture is to be turned."""

CHECKS = {png_check.SIGNATURE: png_check.check_png, jpeg_check.SIGNATURE: jpeg_check.check_jpeg}
"""What is looked for that decoders bear in silence, by what a file begins with."""

TURNED = (
    "Images are turned as their EXIF orientation says, as viewers show them. Targets must have "
    "been drawn on them like that: look at some with tools/browse_data.py. Otherwise write the "
    "images anew, without EXIF."
)
"""What is said of images that are turned."""

REMEDY = "It is truncated or damaged; replace it or take it out of the data set."


def read_image(
    path: str, backend_args: dict | None = None, warn_turned: bool = False
) -> np.ndarray:
    """Return the image of a file as H,W,3 uint8 BGR.

    It stands as viewers show it (EXIF). Of 16 bits the high byte is taken, grey is repeated three
    times, transparency is left out.

    Args:
        warn_turned: warn, once, where that means that its pixels are turned: its targets may have
            been drawn on the pixels as they are in the file.

    Raises:
        DataError: the file is missing, truncated, not an image, holds several, has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS` or values that no picture has (32-bit, floats).
    """

    def convert(image: Image.Image) -> np.ndarray:
        wide = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
        if image.mode in ("I", "F") and not wide:
            raise DataError(
                f"{path} has {'float' if image.mode == 'F' else '32-bit'} values; expected an "
                "image of 8 or 16 bits. Convert it to 8 bits."
            )
        if warn_turned and image.getexif().get(ORIENTATION, 1) != 1:
            # The same words for every file, so that it is said once.
            warnings.warn(TURNED, stacklevel=2)
        # As viewers show it, and as labels are drawn on it.
        ImageOps.exif_transpose(image, in_place=True)
        if wide:
            # PIL would clip at 255 instead.
            return cv2.cvtColor((np.asarray(image) >> 8).astype(np.uint8), cv2.COLOR_GRAY2BGR)
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        return cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR)

    return _decoded(path, backend_args, convert)


def read_map(
    path: str, backend_args: dict | None = None, channels: int = 1, exact: bool = False
) -> np.ndarray:
    """Return the raw values of a target's file: H,W for one channel, otherwise H,W,channels.

    A palette image gives its indices, not its colours; three channels are in RGB order, without a
    fourth one of transparency; `channels=0` takes as many as there are. It stands as viewers show
    it (EXIF), as images do. `.npy` and `.exr` files are read as well.

    Args:
        exact: refuse lossy compression, which invents values between those of two classes.

    Raises:
        ImportError: an `.exr` file without OpenEXR installed.
        DataError: the file is missing, truncated, not an image, holds several, is too large (see
            `read_image`), has another number of channels, 16-bit colours (of which PIL reads half),
            a scale of its own (PGM), white as 0 (TIFF), or is lossy.
    """

    def convert(image: Image.Image) -> np.ndarray:
        step = STEPS.get(_raw_mode(image), 1)
        ImageOps.exif_transpose(image, in_place=True)
        transparent = channels == 3 and image.mode == "RGBA"
        values = np.asarray(image.convert("RGB") if transparent else image)
        return values if step == 1 else values // step

    if path.endswith(".npy"):
        data = _bytes(path, backend_args)
        try:
            values = parse_npy(data)
        except ValueError as error:
            raise DataError(f"{path} is not a readable .npy file: {error}. {REMEDY}") from error
    elif path.endswith(".exr"):
        values = read_exr(_bytes(path, backend_args), path)
    else:
        values = _decoded(path, backend_args, convert, values=True, exact=exact)
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


def _decoded(
    path: str,
    backend_args: dict | None,
    convert: Callable[[Image.Image], np.ndarray],
    values: bool = False,
    exact: bool = False,
) -> np.ndarray:
    """Return what `convert` makes of the image of a file.

    Args:
        values: its pixels mean no intensities, and must be those in the file.
        exact: they must be those that were written into the file.
    """
    data = _bytes(path, backend_args)
    try:
        if not data:
            raise ValueError("it is empty (0 bytes)")
        for signature, check in CHECKS.items():
            if data.startswith(signature):
                check(data)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check(path, image, values)
        if exact and _is_lossy(image, data):
            raise DataError(
                f"{path} is a {image.format} file whose compression changes values next to edges "
                "into those of other classes. Write the target losslessly, as PNG."
            )
        # PIL reads lazily; a truncated file shows here.
        return convert(image)
    except (DataError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, str(error)) from error
    # Decoders fail on damaged files in every way there is.
    except Exception as error:
        # PIL would show where in memory the bytes lie: another text at every reading.
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "it begins like no known image format" if unknown else error
        raise DataError(f"{path} cannot be read as an image: {reason}. {REMEDY}") from error


def _check(path: str, image: ImageFile.ImageFile, values: bool) -> None:
    """Raise for what the header says, before memory is reserved for the pixels."""
    pixels = image.width * image.height
    if Image.MAX_IMAGE_PIXELS and pixels > Image.MAX_IMAGE_PIXELS:
        raise _too_large(path, f"it has {image.width} x {image.height} pixels")
    frames = getattr(image, "n_frames", 1)
    # Telephones add pictures of their own to a JPEG, behind the one that was taken.
    if frames > 1 and image.format != "MPO":
        raise DataError(
            f"{path} holds {frames} pictures (an animation, or pages); expected one. Save the one "
            "that is meant in a file of its own, or an animation as a video."
        )
    if not values:
        return
    if ";16" in str([tile[3] for tile in image.tile]) and not image.mode.startswith("I"):
        raise DataError(
            f"{path} has colours of 16 bits a channel, of which only 8 could be read. Write the "
            "target with one channel of 16 bits, three of 8, or as .npy."
        )
    if image.format == "PPM" and any(tile[0] != "raw" for tile in image.tile):
        raise DataError(
            f"{path} has another maximum than 255 or 65535, to which its values would be scaled. "
            "Write the target as PNG."
        )

    if _raw_mode(image).endswith("I") and _raw_mode(image)[0] in "1L":
        raise DataError(
            f"{path} has its values upside down (a TIFF whose white is 0). Write the target as PNG."
        )


def _raw_mode(image: Image.Image) -> str:
    """Return how PIL calls the layout of a file's values, such as "L;4" for grey of 4 bits."""
    tiles = getattr(image, "tile", None)  # of images that come from files
    if not tiles:
        return ""
    arguments = tiles[0][3]
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _is_lossy(image: Image.Image, data: bytes) -> bool:
    """Return whether the values of a file may be others than those that were written."""
    if image.format == "WEBP":
        return b"VP8L" not in data
    return image.format in LOSSY or image.info.get("compression") in LOSSY_TIFF


def _too_large(path: str, reason: str) -> DataError:
    return DataError(
        f"{path} is too large: {reason}; more than {Image.MAX_IMAGE_PIXELS} are refused, as "
        "damaged headers promise any size. Cut it into tiles, or raise PIL.Image.MAX_IMAGE_PIXELS."
    )


def _bytes(path: str, backend_args: dict | None) -> bytes:
    try:
        return fileio.get(path, backend_args)
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist. Put it back, or take its sample out of the data set."
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error}. Check that it is a file you may read."
        ) from error
