"""Strict reading of image files: a damaged file is an error, never a half-grey picture."""

import io
import os
import warnings
from collections.abc import Callable
from numbers import Real
from typing import Any

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import DataError
from .array_files import read_exr, read_npy
from .image_checks import (
    JPEG_SIGNATURE,
    WIDE,
    check_header,
    check_jpeg,
    is_lossy,
    raw_mode,
    too_large,
)
from .signatures import EXR, NPY, NPZ, recognised, unreadable

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are tried. PIL knows others, one of which starts another program (EPS)."""

GREY_STEPS = {"L;2": 85, "L;4": 17}
"""Factor by which PIL multiplies grey values of 2 and 4 bits."""

ORIENTATION = 0x0112
"""The EXIF tag of an image's orientation."""

ROTATED = (
    "Images are turned as their EXIF orientation says, as viewers show them. Targets must have "
    "been drawn on them like that: look at some with tools/browse_data.py. Otherwise write the "
    "images anew, without EXIF."
)
"""Warning about images with an orientation."""

FEW_LEVELS = 64
"""Number of grey levels below which an image of 16 bits has lost most of what its file holds."""

CLIPPED = 0.05
"""Share of the pixels outside of `image_range` above which it is probably wrong."""

IMAGE_KINDS = "PNG, JPEG, TIFF, WebP, BMP, GIF, PPM or JPEG 2000"
MAP_KINDS = "a lossless picture (PNG), .npy, .npz of one array, or .exr"
"""What is read as an image and as a target, for messages."""

FAILED = {".npy": "is not a readable .npy file", ".exr": "cannot be read as OpenEXR"}
"""Beginning of the message about a target whose file is not what its name says."""


Range = tuple[float, float]


def read_image(
    path: str,
    backend_args: dict | None = None,
    warn_turned: bool = False,
    image_range: Range | None = None,
) -> np.ndarray:
    """Return the image in a file as H,W,3 uint8 BGR.

    Its EXIF orientation is applied, as viewers do. 16-bit values lose their low byte, unless there
    is an `image_range`; grey is repeated three times, transparency is dropped. Its first bytes say
    of which kind a file is, whatever its name ends in.

    Args:
        path: of the file.
        backend_args: storage of the file, see `mmengine.fileio`; default: disk.
        warn_turned: warn, once, if the orientation changes the image: its targets may have been
            drawn on the pixels in the order of the file.
        image_range: values of 16-bit files that become 0 and 255; 12 bits: (0, 4095). Files of 8
            bits are read as they are.

    Raises:
        DataError: the file is missing, truncated, not an image, holds several, has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`, or has 32-bit or float values.
    """
    return decode_image(read_bytes(path, backend_args), path, warn_turned, image_range)


def decode_image(
    data: bytes, path: str, warn_turned: bool = False, image_range: Range | None = None
) -> np.ndarray:
    """Return the image in the bytes of a file, as `read_image`; `path` is for messages."""

    def convert(image: Image.Image, data: bytes) -> np.ndarray:
        wide = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
        if image.mode in ("I", "F") and not wide:
            raise DataError(
                f"{path} has {'float' if image.mode == 'F' else '32-bit'} values; expected an "
                "image of 8 or 16 bits. Convert it to 8 bits."
            )
        # The layout is known until the EXIF is read.
        wide_colours = not wide and WIDE in raw_mode(image)
        if warn_turned and image.getexif().get(ORIENTATION, 1) != 1:
            # Without the path, so that Python shows it only once.
            warnings.warn(ROTATED, stacklevel=2)
        if wide_colours and image_range is not None:
            return to_bytes(_wide_colours(image, data), image_range)
        ImageOps.exif_transpose(image, in_place=True)
        if wide:
            # PIL would clip at 255 instead.
            return cv2.cvtColor(to_bytes(np.asarray(image), image_range), cv2.COLOR_GRAY2BGR)
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        return cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR)

    return _decoded(path, data, convert)


def is_image_range(given: Any) -> bool:
    """Return whether a value is a range of 16-bit values, smallest first.

    >>> is_image_range([0, 4095]), is_image_range((4095, 0)), is_image_range("12")
    (True, False, False)
    """
    pair = isinstance(given, (list, tuple)) and len(given) == 2
    return pair and all(isinstance(v, Real) for v in given) and 0 <= given[0] < given[1] <= 65535


def to_bytes(values: np.ndarray, image_range: Range | None = None) -> np.ndarray:
    """Return the values of a 16-bit image as uint8: the high byte, or a range as 0 to 255.

    Warns, once in a process, if this loses most of what the values distinguish.

    >>> to_bytes(np.array([[0, 2048, 4095]]), (0, 4095)).tolist()
    [[0, 128, 255]]
    """
    least, most = int(values.min()), int(values.max())
    low, high = image_range or (0, 65535)
    if image_range is None:
        found = (values >> 8).astype(np.uint8)
    else:
        scaled = (values.astype(np.float32) - low) * (255 / (high - low))
        found = np.rint(scaled.clip(0, 255)).astype(np.uint8)
        if ((values < low) | (values > high)).mean() > CLIPPED:
            # Without path and numbers, so that Python shows it only once.
            text = f"16-bit images have many values outside of image_range={image_range}."
            warnings.warn(text, stacklevel=2)
    levels = int(found.max()) - int(found.min()) + 1
    if levels < min(FEW_LEVELS, most - least + 1):
        bits = max(most.bit_length(), 8)
        warnings.warn(
            f"16-bit images have values below {2**bits} alone and are read with few grey levels. "
            "Give the data set the values that are black and white: for pictures of "
            f"{bits} bits image_range=(0, {2**bits - 1}).",
            stacklevel=2,
        )
    return found


def _wide_colours(image: Image.Image, data: bytes) -> np.ndarray:
    """Return the 16-bit colours of a file as H,W,3 BGR; PIL would keep their high bytes alone."""
    if image.getexif().get(ORIENTATION, 1) != 1:
        raise ValueError("its 16-bit colours have an EXIF orientation; write it turned")
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3 or values.dtype != np.uint16:
        raise ValueError("its 16-bit colours are in a layout that OpenCV does not read")
    return values[..., :3]


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
