"""Inputs that are no paths: arrays, bytes of files, open files, PIL images."""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps

from ..datasets import image_breach
from ..datasets.files import Ranges, decode_image, read_image, to_intensities
from ..errors import DataError
from ..models.preprocessing import RGB_CHANNELS

EXPECTED = (
    "expected an array H,W,3 uint8, a path, a glob, the index of a webcam, a PIL image, the bytes "
    "of an image file or a file that is open for them, or a list of these"
)
One = (
    str | os.PathLike[str] | int | np.ndarray | bytes | bytearray | memoryview | BinaryIO
    | Image.Image
)  # fmt: skip
Inputs = One | Iterable[One]
"""An array H,W,3 uint8 BGR; the path of an image, a video or a folder; a glob; the index of a
webcam; a PIL image; the bytes of an image file, a file that is open for them, or an address
`data:image/...;base64,...`; or an iterable of these."""

ENCODED = (bytes, bytearray, memoryview)
DATA_ADDRESS = "data:"
"""Beginning of an address that holds the bytes of a file itself."""


@dataclass(frozen=True)
class ImageForm:
    """Describe the images that a network takes, see `read_image`.

    Args:
        channels: number of channels: blue, green, red, then others.
        image_range: values of 16 bits that become 0 and 255.
    """

    channels: int = RGB_CHANNELS
    image_range: Ranges | None = None

    @property
    def plain(self) -> bool:
        """Return whether images are three channels of 8 bits."""
        return self.channels == RGB_CHANNELS and self.image_range is None

    def read(self, path: str) -> np.ndarray:
        """Return the image in a file."""
        return read_image(path, image_range=self.image_range, channels=self.channels)

    def decode(self, data: bytes, name: str) -> np.ndarray:
        """Return the image in the bytes of a file."""
        return decode_image(data, name, image_range=self.image_range, channels=self.channels)

    def check(self, array: np.ndarray) -> np.ndarray:
        """Return the image in an array: as it is read, or uint16 where there is a range.

        Raises:
            DataError: it is no such image.
        """
        if array.dtype == np.uint16 and self.image_range is not None:
            array = to_intensities(array, "An array", self.image_range)
        dark = array.dtype == np.float32 and 0 < array.max(initial=0) <= 1
        if not dark and image_breach(array, self.channels, not self.plain) is None:
            return np.ascontiguousarray(array)
        wanted = f"H,W,{self.channels} uint8 in BGR order"
        if self.plain:
            raise DataError(
                f"An array is {array.shape} {array.dtype}; expected an image {wanted}, or a list "
                f"of them. {_remedy(array)}".rstrip()
            )
        wide = "" if self.image_range is None else ", uint16"
        raise DataError(
            f"An array is {array.shape} {array.dtype}; expected an image {wanted} (further "
            f"channels after red){wide}, or float32 with intensities of 0 to 255; or a list of "
            f"them.{' Of shares from 0 to 1: array * 255' * bool(dark)}"
        )


@dataclass(frozen=True)
class InMemory:
    """An image in memory.

    Args:
        kind: first word of its name, "array" or "image".
        read: returns the image, given its name and form; raises a `DataError` if it is damaged.
    """

    kind: str
    read: Callable[[str, ImageForm], np.ndarray]


def is_one_input(value: Any) -> bool:
    """Return whether a value is one input although it can be iterated over, or is none at all."""
    alone = (*ENCODED, str, np.ndarray, torch.Tensor, Mapping, Image.Image, io.IOBase)
    return isinstance(value, alone) or hasattr(value, "read") or not hasattr(value, "__iter__")


def in_memory(value: Any, form: ImageForm) -> InMemory | None:
    """Return the image of an input in memory; None if it is of another kind.

    Args:
        form: of the images that are expected.

    Raises:
        DataError: it is an array of another form, a tensor, or a file that is open as text.
    """
    if isinstance(value, np.ndarray):
        array = form.check(value)
        return InMemory("array", lambda name, form: array)
    if isinstance(value, torch.Tensor):
        raise DataError(
            f"A tensor is {tuple(value.shape)} {value.dtype}, and nothing says whether it is "
            "RGB or BGR; expected an array H,W,3 uint8 in BGR order. Of 3,H,W uint8 in RGB: "
            "tensor.flip(0).permute(1, 2, 0).cpu().numpy()"
        )
    if isinstance(value, Image.Image):
        image = value
        return InMemory("image", lambda name, form: form.check(_of_pil(image, name)))
    content = value
    if isinstance(value, str):
        content = _of_address(value) if value.startswith(DATA_ADDRESS) else None
    elif callable(getattr(value, "read", None)):
        content = _of_file(value)
    if isinstance(content, ENCODED):
        data = bytes(content)
        return InMemory("image", lambda name, form: form.decode(data, name))
    return None


def _remedy(image: np.ndarray) -> str:
    """Return how the array that is expected is made of another one; "" if nobody knows."""
    if not image.size or not 2 <= image.ndim <= 4:
        return ""
    if image.dtype == bool or image.dtype.kind == "f":
        return "Of shares from 0 to 1: (array * 255).astype(np.uint8)"
    if image.dtype != np.uint8:
        return "Scale it to 0 to 255 and convert it: array.astype(np.uint8)"
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        return "Of grey: cv2.cvtColor(array, cv2.COLOR_GRAY2BGR)"
    if image.ndim == 3 and image.shape[2] == 4:
        return "Leave its fourth channel out: array[..., :3]"
    if image.ndim == 3 and image.shape[0] == 3:
        return "Move its channels to the end: array.transpose(1, 2, 0)"
    return "Give a list of images: list(array)" if image.ndim == 4 else ""


def _of_pil(image: Image.Image, name: str) -> np.ndarray:
    if image.mode in ("I", "F") or ";16" in image.mode:
        raise DataError(
            f"{name} is a PIL image of the mode {image.mode}, whose range nobody knows; expected "
            "one of 8 bits a channel. Scale it to 0 to 255 and convert it to RGB."
        )
    try:
        rgb = ImageOps.exif_transpose(image).convert("RGB")
    # PIL reads the file only now; decoders raise errors of many types.
    except Exception as error:
        raise DataError(f"{name} cannot be read by PIL: {error}.") from error
    if not rgb.width or not rgb.height:
        raise DataError(f"{name} has no pixels.")
    return np.ascontiguousarray(np.asarray(rgb)[..., ::-1])


def _of_file(file: Any) -> Any:
    """Return what is left to read in an open file."""
    if isinstance(file, io.TextIOBase):
        raise DataError("An input is a file that is open as text; open it by open(path, 'rb').")
    try:
        content = file.read()
    except (OSError, ValueError) as error:
        raise DataError(f"An input is a file that cannot be read: {error}.") from error
    if not content:
        raise DataError(
            "An input is an open file with nothing left to read. If it was read before, call its "
            "seek(0); else it is empty."
        )
    return content


def _of_address(address: str) -> bytes:
    """Return the bytes in an address such as `data:image/png;base64,...`."""
    head, _, content = address.partition(",")
    try:
        if head.endswith(";base64"):
            return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise DataError(
        f"The address {address[:40]}... cannot be read; expected data:image/png;base64,<content>."
    )
