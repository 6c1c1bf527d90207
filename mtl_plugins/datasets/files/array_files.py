"""Strict reading of `.npy` and OpenEXR files."""

import io
import math

import numpy as np

from ...errors import DataError

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Parsers of the header by version; version 3 only adds Unicode names of record fields."""

DEPTH_CHANNEL = "Z"
"""Name of the depth channel in an OpenEXR file of several channels."""


def parse_npy(data: bytes) -> np.ndarray:
    """Return the array in the bytes of an `.npy` file, as a read-only view of them.

    `numpy.load` allocates the promised size before it reads, and ignores surplus bytes; here the
    sizes are compared first. Python objects are refused. Format: `numpy.lib.format`.

    Raises:
        ValueError: the header is damaged, promises another size, or the values are no numbers.

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
        raise ValueError(f"it holds values of type {dtype}; expected numbers")
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if min(shape, default=0) < 0 or expected != found:
        raise ValueError(
            f"its header promises shape {shape} of {dtype}, {expected} bytes, but {found} follow"
        )
    values = np.frombuffer(data, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if fortran else "C")


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
