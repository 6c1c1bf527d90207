"""Reading `.npy` files of numbers strictly."""

from __future__ import annotations

import io
import math

import numpy as np

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Version 3 is for records with names outside Latin-1, which no map is."""


def parse_npy(data: bytes) -> np.ndarray:
    """Return the array of an `.npy` file's bytes, a read-only view of them.

    The size that the header promises is compared with the file's before anything is reserved for
    it, and Python objects are refused. Format: `numpy.lib.format`.

    Raises:
        ValueError: what is wrong with the file.

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
    # NumPy evaluates the header as Python, which fails in many ways.
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
