"""Parts of a run that fail in different ways, for tests of how the run ends."""

from __future__ import annotations

import os
import signal

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmseg.registry import HOOKS, MODELS, TRANSFORMS
from torch import nn

LEAK = 20
"""Megabytes an iteration."""


@HOOKS.register_module()
class LeakyHook(Hook):
    """Leak memory in every iteration, and an open file in every epoch."""

    def __init__(self):
        self.kept = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.kept.append(np.ones(LEAK * 10**6, np.uint8))

    def after_train_epoch(self, runner):
        self.kept.append(os.open(os.devnull, os.O_RDONLY))


@TRANSFORMS.register_module()
class SpoilImage(BaseTransform):
    """Set one pixel of one file's image to a value."""

    def __init__(self, file, value=float("nan")):
        self.file, self.value = file, float(value)

    def transform(self, results):
        if results["data_samples"].img_path.endswith(self.file):
            results["inputs"] = results["inputs"].float()
            results["inputs"][0, 0, 0] = self.value
        return results


@TRANSFORMS.register_module()
class KillWorker(BaseTransform):
    """Kill the process that loads, as the system does if memory runs out."""

    def transform(self, results):
        os.kill(os.getpid(), signal.SIGKILL)


FEW = 10_000
"""Pixels up to which the losses are good, so that their trial on a few does not find them out."""


@MODELS.register_module()
class RootLoss(nn.Module):
    """Return 0, with a gradient of NaN."""

    space = "raw"

    def forward(self, prediction, *_, **__):
        total = (0 * prediction).sum()
        return total if prediction.numel() < FEW else total.sqrt()


@MODELS.register_module()
class GreedyLoss(nn.Module):
    """Request more memory than any machine has."""

    space = "raw"

    def forward(self, prediction, *_, **__):
        total = (0 * prediction).sum()
        return total if prediction.numel() < FEW else total + torch.empty(10**15).sum()


def spoiled(config, file=""):
    """Put a NaN into the image of this name, or into every image if the name is empty."""
    config.train_dataloader.dataset.pipeline.append(dict(type="SpoilImage", file=file))
    return config


def with_loss(config, name):
    config.model.decode_head.task_heads.depth.loss = dict(type=name)
    return config
