"""What the pipeline drew for a sample and left to the device to do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...targets import DENSE_TARGETS, MIRRORED_AXES

FLIPPED_DIMS = {"horizontal": (-1,), "vertical": (-2,), "diagonal": (-2, -1)}
"""Dimensions of C,H,W that each direction mirrors."""


def flip_on_device(images: Sequence[Tensor], samples: Sequence[SegDataSample]) -> list[Tensor]:
    """Return images C,h,w flipped as their samples' `device_flip` says; the targets with them."""
    flipped = []
    for image, sample in zip(images, samples, strict=True):
        direction = sample.metainfo.get("device_flip")
        if direction is None:
            flipped.append(image)
            continue
        flipped.append(image.flip(FLIPPED_DIMS[direction]))
        for target in DENSE_TARGETS.values():
            if target.truth not in sample:
                continue
            pixels = sample.get(target.truth)
            pixels.data = pixels.data.flip(FLIPPED_DIMS[direction])
            if target.vector:
                none = (pixels.data == target.invalid).all(0)
                pixels.data[list(MIRRORED_AXES[direction])] *= -1
                pixels.data[:, none] = target.invalid
    return flipped


def recolor_on_device(batch: Tensor, samples: Sequence[SegDataSample]) -> Tensor:
    """Return a batch N,3,H,W of 0..255 in the colours that the samples' `device_colors` say."""
    drawn = [sample.metainfo.get("device_colors") for sample in samples]
    if all(colors is None for colors in drawn):
        return batch
    unchanged = torch.eye(3, 4)
    colors = torch.stack([unchanged if c is None else torch.as_tensor(c) for c in drawn])
    colors = colors.to(batch)
    recolored = torch.einsum("nij,njhw->nihw", colors[:, :, :3], batch)
    return recolored.add_(colors[:, :, 3, None, None]).clamp_(0, 255)
