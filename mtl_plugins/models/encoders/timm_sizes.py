"""The image sizes that timm's feature models take, found by trying."""

from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..preprocessing import RGB_CHANNELS

Size = tuple[int, int]

TRIED = ((4, 3), (3, 5))
"""Heights and widths, as multiples, of the images that a model must take to take any size."""

FACTORS = (1, 2, 4, 7, 8, 12)
"""Multiples of the strides that are tried: windows and blocks have these sides in cells."""

MOST_LOST = 4
"""Most cells that a level may lack because convolutions are not padded."""


@dataclass(frozen=True)
class Sizes:
    """Hold the image sizes that a feature model takes, and how its maps lie on the image.

    Args:
        strides: of the levels.
        lost: number of cells that each level lacks along each side, half of them on either edge,
            because convolutions are not padded.
        multiple: the model takes sides that are multiples of it; 1: of the strides alone.
        canvas: (height, width) of the images if the model takes one size only.
    """

    strides: tuple[int, ...]
    lost: tuple[int, ...]
    multiple: int = 1
    canvas: Size | None = None

    @property
    def exact(self) -> bool:
        """Whether the model takes images and returns maps as they should be."""
        return self.multiple == 1 and self.canvas is None and not any(self.lost)

    @property
    def largest(self) -> Size | None:
        """(height, width) of the largest image of whole strides; None: there is no limit."""
        if self.canvas is None:
            return None
        step = lcm(*self.strides)
        height, width = (side // step * step for side in self.canvas)
        return height, width

    @property
    def text(self) -> str:
        """Say which images are padded, in words that follow the model's name; "": none."""
        if self.canvas is not None:
            return (
                "takes images of one size, {}x{} pixels, to which smaller ones are padded; set "
                "img_size to the size of your largest images"
            ).format(*self.canvas)
        if self.multiple > 1:
            return f"takes images whose sides are multiples of {self.multiple}; others are padded"
        return ""

    def pad(self, images: Tensor) -> Tensor:
        """Pad images at the right and bottom by 0, the mean colour, to a size that is taken."""
        height, width = images.shape[2:]
        if self.canvas is not None:
            height_to, width_to = self.canvas
        else:
            # In integers, which an export can follow for sizes that it does not know yet.
            height_to = (height + self.multiple - 1) // self.multiple * self.multiple
            width_to = (width + self.multiple - 1) // self.multiple * self.multiple
        return F.pad(images, (0, width_to - width, 0, height_to - height))

    def crop(self, level: Tensor, index: int, height: int, width: int) -> Tensor:
        """Return the part of a level of padded images that covers the images.

        Args:
            level: N,C,h,w.
            index: of the level.
            height, width: of the images before `pad`.
        """
        stride, lost = self.strides[index], self.lost[index]
        if lost:
            level = F.pad(level, ((lost + 1) // 2,) * 4, mode="replicate")
            if lost % 2:
                # Half a cell on either edge: values between the cells.
                level = F.avg_pool2d(level, 2, stride=1)
        return level[:, :, : (height + stride - 1) // stride, : (width + stride - 1) // stride]


def channels_first(model: Any, levels: list[Tensor]) -> list[Tensor]:
    """Return the levels of a feature model as N,C,H,W, whatever its own order is."""
    if str(getattr(model, "output_fmt", "")).endswith("NHWC"):
        return [level.permute(0, 3, 1, 2).contiguous() for level in levels]
    return list(levels)


def find_sizes(model: Any, canvas: Size | None = None, channels: int = RGB_CHANNELS) -> Sizes:
    """Try which images a feature model takes: of any size, of some multiples, or of one size.

    Args:
        model: a feature model of timm; on the meta device a trial costs next to nothing.
        canvas: (height, width) that the model is built for, the last to be tried.
        channels: number of channels of the images.

    Raises:
        Exception: of any type, the model's own, if it takes none of the tried images.
    """
    strides = tuple(model.feature_info.reduction())
    mode, failure = model.training, None
    model.eval()
    try:
        for factor in FACTORS:
            multiple = factor * lcm(*strides)
            tried = [(multiple * height, multiple * width) for height, width in TRIED]
            try:
                losses = {_lost_cells(model, channels, size) for size in tried}
            except Exception as error:  # each model refuses a size in its own way
                failure = failure or error
                continue
            if len(losses) == 1:
                return Sizes(strides, losses.pop(), 1 if factor == 1 else multiple)
        if canvas is not None:
            return Sizes(strides, _lost_cells(model, channels, canvas), canvas=canvas)
    finally:
        model.train(mode)
    raise failure or ValueError(f"its maps do not fit its strides {strides}")


def _lost_cells(model: Any, channels: int, size: Size) -> tuple[int, ...]:
    """Return the number of cells that each level of an image lacks along either side.

    Raises:
        ValueError: a level is no map of the declared channels and stride.
    """
    like = next(model.parameters())
    with torch.no_grad():
        levels = channels_first(model, model(like.new_zeros(1, channels, *size)))
    lost = []
    declared = zip(
        levels, model.feature_info.channels(), model.feature_info.reduction(), strict=True
    )
    for level, channels, stride in declared:
        sides = list(zip(size, level.shape[2:], strict=True))
        lacks = {-(-side // stride) - cells for side, cells in sides}
        whole = all(side % stride == 0 for side, _ in sides)
        most = MOST_LOST if whole else 0
        if level.shape[1] != channels or len(lacks) != 1 or not 0 <= min(lacks) <= most:
            raise ValueError(
                f"a level of {channels} channels and stride {stride} is {tuple(level.shape)} for "
                f"an image of {size[0]}x{size[1]}"
            )
        lost.append(lacks.pop())
    return tuple(lost)
