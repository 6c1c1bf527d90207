"""Whether a PNG file is whole, by its own checksums."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels of each colour type."""

DEFLATE_RATIO = 1032
"""Bytes that one compressed byte can become at most (https://zlib.net/zlib_tech.html)."""


def check_png(data: bytes) -> None:
    """Raise where a chunk of a PNG file is missing, cut off or not what its checksum says.

    Decoders skip the checksums of image data, so that some damaged files give other pixels instead
    of an error. What follows the last chunk is not looked at. Format: https://www.w3.org/TR/png-3/

    Raises:
        ValueError: what is wrong; also where the header promises more pixels than the compressed
            bytes can hold, before anybody reserves memory for them.
    """
    view, position, compressed, kind = memoryview(data), len(SIGNATURE), 0, b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("it ends before its last chunk (IEND)")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        name = kind.decode("ascii", "backslashreplace")
        if end > len(data):
            raise ValueError(f"its chunk {name} is cut off")
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise ValueError(f"its chunk {name} has the wrong checksum")
        if position == len(SIGNATURE):
            needed = _bytes_of_pixels(kind, view[position + 8 : end - 4])
        compressed += length if kind == b"IDAT" else 0
        position = end
    if needed > compressed * DEFLATE_RATIO:
        raise ValueError(
            f"its header promises {needed} bytes of pixels, more than its {compressed} compressed "
            "bytes can hold"
        )


def _bytes_of_pixels(kind: bytes, content: memoryview) -> int:
    """Return the size of the decoded image that a header describes."""
    if kind != b"IHDR" or len(content) != 13:
        raise ValueError("it does not begin with a header (IHDR)")
    width, height, bits, color = struct.unpack_from(">IIBB", content)
    if color not in CHANNELS:
        raise ValueError(f"its header has the unknown colour type {color}")
    return height * (width * bits * CHANNELS[color] // 8)
