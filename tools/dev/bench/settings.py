"""What rows are measured with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from mmengine.config import Config

from mtl_plugins.config import load_config

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What every row gets.

    Args:
        root: folder of the repository, with `configs` and `tools`.
        scratch: folder for data and runs of the benchmark.
        device: "cpu" or "cuda".
        quick: tiny sizes, which show that everything runs and measure nothing.
        repeats: turns that count.
    """

    root: str
    scratch: str
    device: str = "cpu"
    quick: bool = False
    repeats: int = 4

    @property
    def place(self) -> torch.device:
        """The device."""
        return torch.device(self.device)

    def choose(self, cpu: T, cuda: T, quick: T) -> T:
        """Return what fits: a size that a device measures well, or a tiny one."""
        return quick if self.quick else cuda if self.device == "cuda" else cpu

    def config(self, name: str, options: Sequence[str] = ()) -> Config:
        """Return a shipped config with random weights; with `quick` its network is tiny."""
        if self.quick:
            options = [
                *options,
                "model.backbone.model_name=test_resnet",
                "model.decode_head.decoder.channels=8",
                "model.decode_head.decoder.skip_channels=4",
            ]
        path = os.path.join(self.root, "configs", name)
        return load_config(path, [*options, "model.backbone.pretrained=False"])

    def folder(self, *names: str) -> str:
        """Return a folder of the scratch space, tiny data apart from the rest."""
        return os.path.join(self.scratch, "quick" if self.quick else "full", *names)
