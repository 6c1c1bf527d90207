"""Settings of a benchmark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from mmengine.config import Config

from mtl_plugins.config import complete_tasks, load_config

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Settings that every row gets.

    Args:
        root: folder of the repository, with `configs` and `tools`.
        scratch: folder for data and runs of the benchmark.
        device: "cpu" or "cuda".
        quick: use tiny sizes, which show that everything runs but measure nothing.
        repeats: number of counted turns.
    """

    root: str
    scratch: str
    device: str = "cpu"
    quick: bool = False
    repeats: int = 4

    @property
    def place(self) -> torch.device:
        """The device as torch names it."""
        return torch.device(self.device)

    def choose(self, cpu: T, cuda: T, quick: T) -> T:
        """Choose the value for the device, or for a quick run."""
        return quick if self.quick else cuda if self.device == "cuda" else cpu

    def config(self, name: str, options: Sequence[str] = ()) -> Config:
        """Load a shipped config with random weights; in a quick run its network is tiny."""
        if self.quick:
            options = [
                *options,
                "model.backbone.model_name=test_resnet",
                "model.decode_head.decoder.channels=8",
                "model.decode_head.decoder.skip_channels=4",
            ]
        path = os.path.join(self.root, "configs", name)
        config = load_config(path, [*options, "model.backbone.pretrained=False"])
        complete_tasks(config)
        return config

    def folder(self, *names: str) -> str:
        """Return a path in the scratch folder; quick runs have their own."""
        return os.path.join(self.scratch, "quick" if self.quick else "full", *names)
