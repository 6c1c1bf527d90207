"""Strict reading of image files: a damaged file is an error, never a half-grey picture."""

import io
import os
import warnings
from collections.abc import Callable

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import DataError
from ...models.preprocessing import RGB_CHANNELS
from .array_files import read_exr, read_npy
from .channels import ORIENTATION, file_channels, grey_of, stored_channels, wide_colour_values
from .image_checks import (
    JPEG_SIGNATURE,
    WIDE,
    check_header,
    check_jpeg,
    is_lossy,
    raw_mode,
    too_large,
)
from .intensities import Ranges, to_intensities
from .signatures import EXR, NPY, NPZ, recognised, unreadable

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are tried. PIL knows others, one of which starts another program (EPS)."""

GREY_STEPS = {"L;2": 85, "L;4": 17}
"""Factor by which PIL multiplies grey values of 2 and 4 bits."""

ROTATED = (
    "Images are turned as their EXIF orientation says, as viewers show them. Targets must have "
    "been drawn on them like that: look at some with tools/browse_data.py. Otherwise write the "
    "images anew, without EXIF."
)
"""Warning about images with an orientation."""

IMAGE_KINDS = "PNG, JPEG, TIFF, WebP, BMP, GIF, PPM or JPEG 2000"
MAP_KINDS = "a lossless picture (PNG), .npy, .npz of one array, or .exr"
"""What is read as an image and as a target, for messages."""

FAILED = {".npy": "is not a readable .npy file", ".exr": "cannot be read as OpenEXR"}
"""Beginning of the message about a target whose file is not what its name says."""


def read_image(
    path: str,
    backend_args: dict | None = None,
    strict: bool = False,
    image_range: Ranges | None = None,
    channels: int = RGB_CHANNELS,
) -> np.ndarray:
    """Return the image in a file as H,W,3 BGR, or H,W,channels: BGR, then the other channels.

    Values are intensities of 0 to 255, uint8. 16-bit values lose their low byte; with an
    `image_range` they keep all levels, as float32 with fractions. The EXIF orientation is applied,
    as viewers do. Of three channels, grey is repeated three times and transparency is dropped; of
    more, the file must have exactly that many (a fourth one is no transparency, but data). Arrays
    (`.npy`, `.npz`) are H,W,channels in the order of a file: red, green, blue, others. The first
    bytes of a file say of which kind it is, whatever its name ends in.

    Args:
        path: of the file.
        backend_args: storage of the file, see `mmengine.fileio`; default: disk.
        strict: the image has targets: warn, once, if its orientation changes it (they may have been
            drawn on the pixels in the order of the file), and refuse values outside of the range.
        image_range: values of 16-bit files that become 0 and 255; 12 bits: (0, 4095). Files of 8
            bits are read as they are. One for each channel may be given: red, green, blue, others.
        channels: number of channels: 3, more, or 1 for grey alone (H,W,1).

    Raises:
        DataError: the file is missing, truncated, not an image, holds several, has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`, has other channels, or 32-bit or float values without a
            range.
    """
    return decode_image(read_bytes(path, backend_args), path, strict, image_range, channels)


def decode_image(
    data: bytes,
    path: str,
    strict: bool = False,
    image_range: Ranges | None = None,
    channels: int = RGB_CHANNELS,
) -> np.ndarray:
    """Return the image in the bytes of a file, as `read_image`; `path` is for messages."""
    if data.startswith((NPY, NPZ)):
        values = stored_channels(read_npy(data, path), path, channels)
        return np.ascontiguousarray(to_intensities(values, path, image_range, strict))

    def convert(image: Image.Image, data: bytes) -> np.ndarray:
        wide = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
        numbers = image.mode in ("I", "F") and not wide
        if numbers and image_range is None:
            raise DataError(
                f"{path} has {'float' if image.mode == 'F' else '32-bit'} values; expected an "
                "image of 8 or 16 bits, or an image_range that says which values are black and "
                "white. Convert it to 8 bits, or give the range to the data set."
            )
        mode = raw_mode(image)  # known until the EXIF is read
        wide_colours = not wide and WIDE in mode
        if strict and image.getexif().get(ORIENTATION, 1) != 1:
            # Without the path, so that Python shows it only once.
            warnings.warn(ROTATED, stacklevel=2)
        if channels > RGB_CHANNELS:
            values = file_channels(image, data, path, channels, mode)
            return np.ascontiguousarray(to_intensities(values, path, image_range, strict))
        if wide_colours and image_range is not None:
            colours = wide_colour_values(image, data)
            values = to_intensities(colours, path, image_range, strict)
            return grey_of(values, path) if channels == 1 else values
        ImageOps.exif_transpose(image, in_place=True)
        if wide or numbers:
            # PIL would clip at 255 instead.
            values = np.asarray(image)
            values = values if numbers else values.astype(np.uint16)
            grey = to_intensities(values, path, image_range, strict)
            return grey[..., None] if channels == 1 else cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        bgr = cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR)
        return grey_of(bgr, path) if channels == 1 else bgr

    return _decoded(path, data, convert)


def read_map(
    path: str, backend_args: dict | None = None, channels: int = 1, exact: bool = False
) -> np.ndarray:
    """Return the raw values in a target's file: H,W for one channel, otherwise H,W,channels.

    A palette image gives its indices, not its colours. Three channels are in RGB order; a fourth
    one of transparency is dropped. EXIF orientation is applied as to images. Arrays
    (`.npy`, `.npz` of one array) and OpenEXR files are read as well; of one channel they may have
    H,W,1 or 1,H,W values. Its first bytes say of which kind a file is.

    Args:
        path: of the file.
        backend_args: storage of the file, see `mmengine.fileio`; default: disk.
        channels: expected number of channels; 0: any.
        exact: refuse lossy compression, which invents values between those of two classes.

    Raises:
        ImportError: an OpenEXR file without OpenEXR installed.
        DataError: the file is missing, truncated, not an image, holds several, is too large (see
            `read_image`), has another number of channels, is lossy, or PIL would change its values
            (see `check_header`).
    """

    def convert(image: Image.Image, data: bytes) -> np.ndarray:
        step = GREY_STEPS.get(raw_mode(image), 1)
        ImageOps.exif_transpose(image, in_place=True)
        transparent = channels == 3 and image.mode == "RGBA"
        values = np.asarray(image.convert("RGB") if transparent else image)
        return values if step == 1 else values // step

    data = read_bytes(path, backend_args)
    if data.startswith((NPY, NPZ)):
        values = read_npy(data, path)
    elif data.startswith(EXR):
        values = read_exr(data, path)
    else:
        values = _decoded(path, data, convert, values=True, exact=exact)
    if channels == 0 and values.ndim >= 2:
        return values
    # One channel is often stored with its axis.
    if channels == 1 and values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[..., 0] if values.shape[2] == 1 else values[0]
    expected = (*values.shape[:2], channels) if channels > 1 else values.shape[:2]
    if values.ndim < 2 or values.shape != expected:
        wanted = f"{channels} channels (H, W, {channels})" if channels > 1 else "one channel (H, W)"
        raise DataError(
            f"{path} has shape {values.shape}; expected {wanted}. Class ids and depth have one, "
            "normals three; for files that are pictures of classes give label_map colours as keys, "
            "for depth in several channels give their weights as digits."
        )
    return values


def _decoded(
    path: str,
    data: bytes,
    convert: Callable[[Image.Image, bytes], np.ndarray],
    values: bool = False,
    exact: bool = False,
) -> np.ndarray:
    """Return the result of `convert` for the image in a file.

    Args:
        path: for messages.
        data: the bytes of the file.
        convert: makes an array of the image; it also gets the bytes of the file.
        values: the pixels are values of a target, see `check_header`.
        exact: refuse lossy compression.
    """
    try:
        if data.startswith(JPEG_SIGNATURE):
            check_jpeg(data)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        check_header(path, image, values)
        if image.format == "PNG":
            # Decoding ignores the checksums of the pixels: some damaged files would give other
            # values. Verifying compares them, and uses the image up.
            image.verify()
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        if exact and is_lossy(image, data):
            raise DataError(
                f"{path} is a {image.format} file whose compression changes values next to edges "
                "into those of other classes. Write the target losslessly, as PNG."
            )
        # PIL decodes lazily: a truncated file fails here.
        return convert(image, data)
    except (DataError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(path, str(error)) from error
    # Decoders raise errors of many types for damaged files.
    except Exception as error:
        reason: object = error
        if isinstance(error, UnidentifiedImageError):
            # PIL's message has the address of the bytes in memory, which differs each time.
            reason = f"it begins like {recognised(data)[0]}, but its header is damaged"
        expected = MAP_KINDS if values else IMAGE_KINDS
        kind = os.path.splitext(path)[1] if values else ""
        failed = FAILED.get(kind, "cannot be read as an image")
        raise DataError(f"{path} {failed}: {unreadable(data, expected, reason)}") from error


def read_bytes(path: str, backend_args: dict | None) -> bytes:
    """Return the bytes of a file.

    Raises:
        DataError: it is missing or cannot be read.
    """
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
