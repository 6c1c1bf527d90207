"""Reading OpenEXR files, in which renderers store depth as floating-point numbers."""

from __future__ import annotations

import io

import numpy as np

from ...errors import DataError

CHANNEL = "Z"
"""What depth is called in a file of several channels."""


def read_exr(content: bytes, path: str) -> np.ndarray:
    """Return the depth channel of an OpenEXR file: H,W floats, as they are stored.

    The channel is the only one, or "Z". Format: https://openexr.com

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
    name = next(iter(channels)) if len(channels) == 1 else CHANNEL
    if name not in channels:
        raise DataError(
            f"{path} has the channels {sorted(channels)}; expected a single one, or one called "
            f"{CHANNEL!r}."
        )
    return channels[name].pixels
