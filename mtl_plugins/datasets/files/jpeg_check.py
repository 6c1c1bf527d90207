"""Whether a JPEG file has an end, and enough bytes for its size."""

from __future__ import annotations

SIGNATURE = b"\xff\xd8\xff"

SCAN, END = 0xDA, b"\xff\xd9"
"""Markers of the first scan of pixels, and of the image's end."""

WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of the header that has the size; from 0xC9 on pixels are coded arithmetically."""

PIXELS_A_BYTE = 512
"""Huffman codes have at least one bit for each block of 8x8 pixels."""


def check_jpeg(data: bytes) -> None:
    """Raise where a JPEG file stops before its end or promises more pixels than it can hold.

    Decoders fill up what is missing with grey. JPEG has no checksums: a changed byte of the pixels
    cannot be found. Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.

    Raises:
        ValueError: what is wrong.
    """
    position, pixels = 2, 0
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 9 > len(data):
            raise ValueError("it ends before its pixels")
        marker = data[position + 1]
        if marker == SCAN:
            break
        # 0xFF again is a filling byte.
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in FRAMES:
            sides = (data[position + 5 : position + 7], data[position + 7 : position + 9])
            height, width = (int.from_bytes(side, "big") for side in sides)
            pixels = 0 if marker >= 0xC9 else height * width
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    if data.find(END, position) < 0:
        raise ValueError("it ends before its end marker (EOI)")
    if pixels > PIXELS_A_BYTE * (len(data) - position):
        raise ValueError(
            f"its header promises {pixels} pixels, more than its {len(data) - position} bytes hold"
        )
