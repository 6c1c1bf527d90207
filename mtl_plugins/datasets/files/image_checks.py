"""Checks of image files that PIL does not make while it decodes."""

from PIL import Image, ImageFile

from ...errors import DataError

JPEG_SIGNATURE = b"\xff\xd8\xff"

JPEG_SCAN, JPEG_END = 0xDA, b"\xff\xd9"
"""Markers of the first scan of pixels (SOS) and of the image's end (EOI)."""

JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of the frame header (SOF), which has the size; from 0xC9 on coding is arithmetic."""

WIDE = ";16"
"""Part of PIL's name of the layout of values of 16 bits."""

PIXELS_PER_BYTE = 512
"""Largest number of pixels per byte: a Huffman code has at least one bit per block of 8x8."""

LOSSY, LOSSY_TIFF = ("JPEG", "JPEG2000", "MPO"), ("jpeg", "tiff_jpeg", "webp")
"""Formats, and compressions of a TIFF, that may change the values that were written."""


def check_jpeg(data: bytes) -> None:
    """Raise if a JPEG file stops before its end or promises more pixels than it can hold.

    libjpeg fills missing pixels with grey instead. JPEG has no checksums, so that a changed byte
    of the pixels cannot be found. Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.

    Raises:
        ValueError: it says what is wrong.
    """
    position, pixels = 2, 0
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 9 > len(data):
            raise ValueError("it ends before its pixels")
        marker = data[position + 1]
        if marker == JPEG_SCAN:
            break
        # A second 0xFF is a fill byte.
        if marker == 0xFF or marker in JPEG_WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in JPEG_FRAMES:
            sides = (data[position + 5 : position + 7], data[position + 7 : position + 9])
            height, width = (int.from_bytes(side, "big") for side in sides)
            pixels = 0 if marker >= 0xC9 else height * width
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    if data.find(JPEG_END, position) < 0:
        raise ValueError("it ends before its end marker (EOI)")
    if pixels > PIXELS_PER_BYTE * (len(data) - position):
        raise ValueError(
            f"its header promises {pixels} pixels, more than its {len(data) - position} bytes hold"
        )


def check_header(path: str, image: ImageFile.ImageFile, values: bool) -> None:
    """Raise for what an image's header says, before memory is allocated for its pixels.

    Args:
        path: for messages.
        image: opened, not loaded yet.
        values: the pixels are values of a target, which must be read exactly.

    Raises:
        DataError: the image is too large, one of several in the file, or (of a target) PIL would
            change its values: colours of 16 bits, a PGM with another maximum, a TIFF whose white
            is 0.
    """
    pixels = image.width * image.height
    if Image.MAX_IMAGE_PIXELS and pixels > Image.MAX_IMAGE_PIXELS:
        raise too_large(path, f"it has {image.width} x {image.height} pixels")
    frames = getattr(image, "n_frames", 1)
    # Phones append further pictures (previews, depth) to a JPEG, which PIL then calls MPO.
    if frames > 1 and image.format != "MPO":
        raise DataError(
            f"{path} holds {frames} pictures (an animation, or pages); expected one. Save the one "
            "that is meant in a file of its own, or an animation as a video."
        )
    if not values:
        return
    if WIDE in str([tile[3] for tile in image.tile]) and not image.mode.startswith("I"):
        raise DataError(
            f"{path} has colours of 16 bits a channel, of which only 8 could be read. Write the "
            "target with one channel of 16 bits, three of 8, or as .npy."
        )
    if image.format == "PPM" and any(tile[0] != "raw" for tile in image.tile):
        raise DataError(
            f"{path} has another maximum than 255 or 65535, to which its values would be scaled. "
            "Write the target as PNG."
        )
    mode = raw_mode(image)
    if mode.endswith("I") and mode[0] in "1L":
        raise DataError(
            f"{path} has its values upside down (a TIFF whose white is 0). Write the target as PNG."
        )


def raw_mode(image: Image.Image) -> str:
    """Return PIL's name of the layout of an image's values, such as "L;4" for 4-bit grey."""
    tiles = getattr(image, "tile", None)  # only images from files have them
    if not tiles:
        return ""
    arguments = tiles[0][3]
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def is_lossy(image: Image.Image, data: bytes) -> bool:
    """Return whether compression may have changed the values of an image with the bytes `data`."""
    if image.format == "WEBP":
        return b"VP8L" not in data
    return image.format in LOSSY or image.info.get("compression") in LOSSY_TIFF


def too_large(path: str, reason: str) -> DataError:
    """Return the error for an image of more pixels than PIL's limit."""
    return DataError(
        f"{path} is too large: {reason}; more than {Image.MAX_IMAGE_PIXELS} are refused, as "
        "damaged headers promise any size. Cut it into tiles, or raise PIL.Image.MAX_IMAGE_PIXELS."
    )
