"""A batch of random data for a model."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from ..models.segmentors import MultiTaskSegmentor
from ..targets import DEPTH, NORMALS, SEMSEG


def random_batch(
    network: MultiTaskSegmentor, size: tuple[int, int], batch_size: int
) -> dict[str, Any]:
    """Return what a data loader gives: images of `size` (height, width) with every target."""
    images, samples = [], []
    for _ in range(batch_size):
        sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
        for _, head in network.decode_head.tasks():
            # A target of another kind is left out, which means: invalid everywhere.
            if head.target is SEMSEG:
                truth = torch.randint(head.out_channels, (1, *size))
            elif head.target is DEPTH:
                truth = torch.rand(1, *size) * 80 + 1
            elif head.target is NORMALS:
                truth = torch.nn.functional.normalize(torch.randn(3, *size), dim=0)
            else:
                continue
            sample.set_data({head.target.truth: PixelData(data=truth)})
        images.append(torch.randint(256, (3, *size), dtype=torch.uint8))
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)
