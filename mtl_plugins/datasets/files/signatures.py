"""What a file is by its first bytes, for messages about files that are not read."""

from __future__ import annotations

import re

CONVERT = "Convert it to PNG."
UNPACK = "Unpack it."
LOST = "It was not written to its end; replace it or take it out of the data set."

NPY, NPZ, EXR = b"\x93NUMPY", b"PK\x03\x04", b"\x76\x2f\x31\x01"
"""First bytes of the arrays that are read: one array, a zip archive of arrays, OpenEXR."""

SIGNATURES: dict[str, tuple[str, str]] = {
    r"\Z": ("empty (0 bytes)", LOST),
    r"\0+\Z": ("nothing but zeros", LOST),
    r"\xff\xd8\xff": ("a JPEG picture", ""),
    r"\x89PNG\r\n\x1a\n": ("a PNG picture", ""),
    r"GIF8[79]a": ("a GIF picture", ""),
    r"BM....\0\0\0\0": ("a BMP picture", ""),
    r"II\*\0|MM\0\*": ("a TIFF picture", ""),
    r"RIFF....WEBP": ("a WebP picture", ""),
    r"P[1-6]\s": ("a PPM picture", ""),
    r"\0\0\0\x0cjP  |\xff\x4f\xff\x51": ("a JPEG 2000 picture", ""),
    r"....ftypavi[fs]": ("an AVIF picture", CONVERT),
    r"....ftyp(hei|hev|mif|msf)": ("a HEIC picture", CONVERT),
    r"\xff\x0a|\0\0\0\x0cJXL ": ("a JPEG XL picture", CONVERT),
    r"8BPS": ("a Photoshop file", CONVERT),
    r"#\?RADIANCE|#\?RGBE": ("a Radiance HDR picture", "Write its values as .npy or .exr."),
    r"P[Ff]\s": ("a PFM map", "Write its values as .npy or .exr."),
    r"FUJIFILMCCD-RAW|IIRS|IIU\0|II\x1a\0\0\0HEAPCCDR": ("a camera's raw file", CONVERT),
    r"\x76\x2f\x31\x01": ("an OpenEXR file", "Give it as a target, not as an image."),
    r"\x93NUMPY": ("a NumPy array (.npy)", "Give it as a target, or in Python as an array."),
    r"PK\x03\x04": ("a zip archive (or .npz)", UNPACK),
    r"\x1f\x8b": ("compressed by gzip", UNPACK),
    r"BZh": ("compressed by bzip2", UNPACK),
    r"\xfd7zXZ\0": ("compressed by xz", UNPACK),
    r"\x28\xb5\x2f\xfd": ("compressed by zstd", UNPACK),
    r"7z\xbc\xaf": ("a 7z archive", UNPACK),
    r"\x89HDF\r\n": ("an HDF5 file", "Write its arrays as .npy."),
    r"MATLAB 5": ("a MATLAB file", "Write its arrays as .npy."),
    r"\x80[\x02-\x05]": ("a Python pickle", "Write its array by np.save."),
    r"%PDF": ("a PDF document", CONVERT),
    r"%!PS": ("a PostScript file", CONVERT),
    r"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI ": ("a video", "Extract its frames."),
    r"\0\x05\x16\x07": (
        "what macOS stores beside a file (AppleDouble)",
        "Delete it; the picture is the file whose name lacks the leading '._'.",
    ),
    r"version https://git-lfs": (
        "a pointer of Git LFS, not the file itself",
        "Run `git lfs pull` in its repository.",
    ),
    r"(?i:\s*(<!doctype html|<html|<head))": (
        "an HTML page, probably a server's answer in place of the file",
        "Download it again, and look at the page for the reason.",
    ),
    r"\s*<(\?xml|svg)": ("XML or SVG text", CONVERT),
    r"\s*[\[{]\s*[\"\[{\]}]": ("JSON text", "Put the file that is meant in its place."),
}
"""Expression that the first bytes match -> what the file is, and what to do if it is not read."""

PATTERNS = [
    (re.compile(pattern.encode("latin-1"), re.DOTALL), *found)
    for pattern, found in SIGNATURES.items()
]

PICTURES = tuple(kind for kind, _ in SIGNATURES.values() if kind.endswith((" picture", "raw file")))

DAMAGED = "It is truncated or damaged; replace it or take it out of the data set."
"""What to do about a file of a kind that is read."""

HEAD = 512
"""Number of bytes that tell the kind of a file."""


def recognised(data: bytes) -> tuple[str, str]:
    """Return what a file is by its first bytes, and what to do if that is not read; "" if unknown.

    >>> recognised(b"GIF89a")
    ('a GIF picture', '')
    """
    head = bytes(data[:HEAD])
    # Files that begin with zeros are none of the others.
    if not head.strip(b"\0") and data.strip(b"\0"):
        return "", ""
    for pattern, kind, remedy in PATTERNS:
        if pattern.match(head):
            return kind, remedy
    return "", ""


def unreadable(data: bytes, expected: str, reason: object) -> str:
    """Return the end of a message about a file that could not be read: what it is, what to do.

    Args:
        data: its bytes.
        expected: the kinds that are read.
        reason: what its reader says, if the file is of one of them.
    """
    kind, remedy = recognised(data)
    if not kind:
        return (
            f"it begins like no known image format ({data[:8]!r}). It is of another kind, for "
            f"which expected are {expected}, or damaged; convert or replace it."
        )
    return f"it is {kind}; expected {expected}. {remedy}" if remedy else f"{reason}. {DAMAGED}"
