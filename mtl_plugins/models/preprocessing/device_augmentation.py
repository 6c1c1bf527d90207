"""Augmentation of a batch on the device, by what the pipeline has drawn for each sample.

`FlipTargets(on_device=True)` and `PhotometricJitter` only draw; their draws travel in the metainfo
of the samples, and `MultiTaskDataPreprocessor` applies them in training.
"""

from collections.abc import Iterable, Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...targets import MIRRORED_AXES, PREDEFINED, Target

RGB_CHANNELS = 3
"""Number of channels of an image that are its colours: the first ones; others may follow."""

FLIP = "device_flip"
"""Key of the direction in which a sample is to be flipped."""

COLORS = "device_colors"
"""Key of the 3x4 matrix that changes the colours of a sample."""


def sample_targets(sample: SegDataSample) -> list[Target]:
    """Return the targets that a sample has; without a list of its own, the predefined ones."""
    known: Iterable[Target] = sample.metainfo.get("targets", PREDEFINED.values())
    return [target for target in known if target.truth in sample]


def flip_on_device(images: Sequence[Tensor], samples: Sequence[SegDataSample]) -> list[Tensor]:
    """Flip images C,h,w and, in place, their samples' targets by the samples' `device_flip`."""
    flipped = []
    for image, sample in zip(images, samples, strict=True):
        direction = sample.metainfo.get(FLIP)
        if direction is None:
            flipped.append(image)
            continue
        axes = MIRRORED_AXES[direction]
        dims = [-1 - axis for axis in axes]
        flipped.append(image.flip(dims))
        for target in sample_targets(sample):
            pixels = sample.get(target.truth)
            pixels.data = pixels.data.flip(dims)
            if target.vector:
                pixels.data[list(axes)] *= -1
    return flipped


def recolor_on_device(batch: Tensor, samples: Sequence[SegDataSample]) -> Tensor:
    """Apply the samples' `device_colors` (3x4 colour matrices) to a batch N,C,H,W of 0..255.

    Channels after the first three stay as they are.
    """
    drawn = [sample.metainfo.get(COLORS) for sample in samples]
    if all(colors is None for colors in drawn):
        return batch
    unchanged = torch.eye(3, 4)
    colors = torch.stack([unchanged if c is None else torch.as_tensor(c) for c in drawn])
    colors = colors.to(batch)
    recolored = torch.einsum("nij,njhw->nihw", colors[:, :, :3], batch[:, :RGB_CHANNELS])
    recolored = recolored.add_(colors[:, :, 3, None, None]).clamp_(0, 255)
    others = batch[:, RGB_CHANNELS:]
    return torch.cat([recolored, others], 1) if others.shape[1] else recolored
