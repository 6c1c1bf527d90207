"""A network whose output at a pixel depends on this pixel alone."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import nn

from tests.batches import model


class Pointwise(nn.Module):
    """An encoder whose output at a pixel depends on this pixel alone."""

    channels, strides = (4,), (1,)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, images):
        return (self.conv(images),)


def pointwise_model(test_cfg):
    if "Pointwise" not in MODELS:
        MODELS.register_module(module=Pointwise)
    decoder = dict(type="DeepLabDecoder", channels=6, aspp_rates=None, skip_stride=None)
    torch.manual_seed(3)
    return model("JointHead", dict(type="Pointwise"), decoder, test_cfg=test_cfg).eval()
