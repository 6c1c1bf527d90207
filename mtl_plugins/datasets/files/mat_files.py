"""Strict reading of MATLAB files."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import DataError
from .image_io import read_bytes

HEADER = 128
"""Bytes before the first element; the last four are the version and the byte order."""
VERSION_5 = b"\x00\x01IM"

NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
"""Types of the elements that hold numbers."""
MATRIX, COMPRESSED = 14, 15
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le"}

CELL, STRUCTURE, TEXT = 1, 2, 4
ARRAYS = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}
"""Classes of matrices that hold numbers; logical ones are uint8."""

LARGEST = 1 << 30
"""Bytes to which a variable may unpack."""


def read_mat(path: str, backend_args: dict | None = None) -> dict[str, Any]:
    """Return the variables of a MATLAB file of the versions 5 to 7 by name.

    Matrices are arrays of at least two axes, texts strings, cells lists; a structure, alone or in
    an array of them, is a list of dicts. SciPy's reader crashes on some damaged files, with the
    process. Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf

    Args:
        path: of the file.
        backend_args: storage of the file, see `mmengine.fileio`; default: disk.

    Raises:
        DataError: the file is missing, damaged, of another version, or holds something else.
    """
    data = memoryview(read_bytes(path, backend_args))
    try:
        if data[HEADER - 4 : HEADER] != VERSION_5:
            raise ValueError("it is not of the versions 5 to 7 (7.3 is HDF5)")
        return dict(_matrix(content) for content in _matrices(data[HEADER:]))
    except (ValueError, struct.error, zlib.error, RecursionError) as error:
        raise DataError(
            f"{path} is no readable .mat file: {error}. Unpack it again, or replace it."
        ) from error


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the type and the content of each element."""
    position = 0
    while position < len(data):
        kind, size = struct.unpack_from("<II", data, position)
        start = position + 8
        if kind >> 16:  # a small element has its content in the tag
            kind, size, start = kind & 0xFFFF, kind >> 16, position + 4
        end = start + size
        if end > len(data):
            raise ValueError(f"an element promises {size} bytes, and {len(data) - start} follow")
        yield kind, data[start:end]
        position = end if kind == COMPRESSED else position + 8 * math.ceil((end - position) / 8)


def _matrices(data: memoryview) -> Iterator[memoryview]:
    """Yield the content of each matrix."""
    for kind, content in _elements(data):
        if kind == COMPRESSED:
            unpacking = zlib.decompressobj()
            unpacked = unpacking.decompress(content, LARGEST)
            if not unpacking.eof:
                raise ValueError("a variable is cut off, or too large")
            yield from _matrices(memoryview(unpacked))
        elif kind == MATRIX:
            yield content
        else:
            raise ValueError(f"it has an element of type {kind}, where a matrix belongs")


def _matrix(content: memoryview) -> tuple[str, Any]:
    """Return the name and the value of a matrix."""
    if not content:
        return "", np.zeros((0, 0))
    parts = _elements(content)
    flags, shape, name = (_next(parts) for _ in range(3))
    kind = bytes(flags[1])[0] if flags[1] else 0
    size = tuple(np.frombuffer(shape[1], "<i4").tolist())
    if len(size) < 2 or min(size) < 0:
        raise ValueError(f"a matrix has the shape {size}")
    count = math.prod(size)
    value: Any
    if kind in ARRAYS:
        values = _numbers(*_next(parts))
        if len(values) != count:
            raise ValueError(f"a matrix of shape {size} has {len(values)} values")
        value = values.astype(ARRAYS[kind]).reshape(size, order="F")
    elif kind == TEXT:
        code, text = _next(parts)
        value = bytes(text).decode(TEXTS.get(code, "latin-1"))
    elif kind == CELL:
        value = [_member(parts) for _ in range(count)]
    elif kind == STRUCTURE:
        (length,) = _numbers(*_next(parts)).tolist()
        names = bytes(_next(parts)[1])
        if length < 1:
            raise ValueError(f"names of {length} letters")
        fields = [_name(names[i : i + length]) for i in range(0, len(names), length)]
        value = [{field: _member(parts) for field in fields} for _ in range(count if fields else 0)]
    else:
        raise ValueError(f"it has a matrix of class {kind}, which is not read")
    return _name(bytes(name[1])), value


def _member(parts: Iterator[tuple[int, memoryview]]) -> Any:
    """Return the value of the next matrix within another."""
    kind, content = _next(parts)
    if kind != MATRIX:
        raise ValueError(f"a cell or structure holds an element of type {kind}")
    return _matrix(content)[1]


def _numbers(kind: int, content: memoryview) -> np.ndarray:
    if kind not in NUMBERS:
        raise ValueError(f"numbers are of type {kind}")
    return np.frombuffer(content, "<" + NUMBERS[kind])


def _name(text: bytes) -> str:
    return text.split(b"\0")[0].decode("latin-1")


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    found = next(parts, None)
    if found is None:
        raise ValueError("it ends within a matrix")
    return found
