"""Strict reading of `.npy`, `.npz` and OpenEXR files."""

import io
import math
import zipfile
import zlib

import numpy as np
from PIL import Image

from ...errors import DataError
from .image_checks import too_large
from .signatures import DAMAGED, NPY, NPZ

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Parsers of the header by version; version 3 only adds Unicode names of record fields."""

PIXEL_BYTES = 24
"""Bytes of the largest pixel: three float64."""

DEPTH_CHANNEL = "Z"
"""Name of the depth channel in an OpenEXR file of several channels."""


def parse_npy(data: bytes) -> np.ndarray:
    """Return the array in the bytes of an `.npy` file, as a read-only view of them.

    `numpy.load` allocates the promised size before it reads, and ignores surplus bytes; here the
    sizes are compared first. Python objects are refused. Format: `numpy.lib.format`.

    Raises:
        ValueError: the header is damaged or promises another size.
        TypeError: the values are no numbers.

    >>> file = io.BytesIO()
    >>> np.save(file, np.array([[1.5]]))
    >>> parse_npy(file.getvalue()).tolist()
    [[1.5]]
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"it is of version {version}; expected 1.0 or 2.0")
    try:
        shape, fortran, dtype = HEADERS[version](file)
    # NumPy evaluates the header as a Python literal, which fails in many ways.
    except Exception as error:
        raise ValueError("its header is damaged") from error
    if dtype.kind not in "biuf":
        raise TypeError(f"it holds values of type {dtype}; expected numbers")
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if min(shape, default=0) < 0 or expected != found:
        raise ValueError(
            f"its header promises shape {shape} of {dtype}, {expected} bytes, but {found} follow"
        )
    values = np.frombuffer(data, dtype, offset=file.tell())
    # Torch reads the byte order of this machine alone.
    values = values.astype(dtype.newbyteorder("="), copy=False)
    return values.reshape(shape, order="F" if fortran else "C")


def read_npy(content: bytes, path: str) -> np.ndarray:
    """Return the array of an `.npy` file, or the only one of an `.npz` file.

    Args:
        content: the bytes of the file.
        path: its name, for messages.

    Raises:
        DataError: the file is damaged, has values that are no numbers, or several arrays.
    """
    kind = ".npz" if content.startswith(NPZ) else ".npy"
    try:
        return parse_npy(_only_member(content, path) if kind == ".npz" else content)
    except DataError:  # which is a ValueError
        raise
    except TypeError as error:
        raise DataError(
            f"{path} is not a readable {kind} file: {error}. Save its numbers alone, as an array "
            "of a numeric type."
        ) from error
    except (ValueError, RuntimeError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} is not a readable {kind} file: {error}. {DAMAGED}") from error


def _only_member(content: bytes, path: str) -> bytes:
    """Return the bytes of the only file in a zip archive; its checksum is compared."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if len(names) != 1:
            arrays = ", ".join(name.removesuffix(".npy") for name in names[:5])
            raise DataError(
                f"{path} is an archive of {len(names)} files ({arrays}), and nothing says which is "
                "meant; expected one array. Save it alone, by np.save."
            )
        size, limit = archive.getinfo(names[0]).file_size, Image.MAX_IMAGE_PIXELS
        # A few bytes may unpack to any size.
        if limit and size > limit * PIXEL_BYTES:
            raise too_large(path, f"{names[0]} in it promises {size} bytes")
        with archive.open(names[0]) as member:
            data = member.read()
        if data.startswith(NPY):
            return data
        raise DataError(
            f"{path} is a zip archive of {names[0]}; expected an array (.npz). Unpack it."
        )


def read_exr(content: bytes, path: str) -> np.ndarray:
    """Return the depth channel of an OpenEXR file: H,W floats, as stored.

    The depth channel is the only channel, or the one named "Z". Format: https://openexr.com

    Args:
        content: the bytes of the file.
        path: its name, for messages.

    Raises:
        ImportError: OpenEXR is not installed (OpenCV's wheels are built without it).
        DataError: the file is truncated, damaged or has no such channel.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise ImportError(
            f"{path} is an OpenEXR file, and reading it needs OpenEXR (from Python 3.11 on). Run: "
            'pip install "mtl_plugins[data]"'
        ) from error
    try:
        channels = OpenEXR.File(io.BytesIO(content), separate_channels=True).channels()
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as OpenEXR: {error} It is truncated or damaged; replace it or "
            "take it out of the data set."
        ) from error
    name = next(iter(channels)) if len(channels) == 1 else DEPTH_CHANNEL
    if name not in channels:
        raise DataError(
            f"{path} has the channels {sorted(channels)}; expected a single one, or one called "
            f"{DEPTH_CHANNEL!r}."
        )
    return channels[name].pixels
