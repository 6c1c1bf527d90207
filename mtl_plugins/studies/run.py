"""One config trained with one seed, and what it left on disk."""

from __future__ import annotations

import json
import os
import os.path as osp
from dataclasses import dataclass
from typing import Any

import torch

from ..utils import machine_name, parse_json


@dataclass(frozen=True)
class Run:
    """A config trained with a seed.

    Args:
        config: path of the config file.
        seed: seed of everything random.
        folder: work dir.
    """

    config: str
    seed: int
    folder: str

    @property
    def name(self) -> str:
        """`<config name>/seed<k>`.

        >>> Run('configs/ladder/b01_base.py', 2, 'out/b01_base/seed2').name
        'b01_base/seed2'
        """
        return f"{step_name(self.config)}/seed{self.seed}"

    @property
    def log(self) -> str:
        """Path of the file that holds what the training printed."""
        return osp.join(self.folder, "ladder.log")

    @property
    def started(self) -> bool:
        """Whether there is something to go on from."""
        return osp.exists(osp.join(self.folder, "last_checkpoint"))

    def summary(self) -> dict[str, dict[str, float]] | None:
        """Return what `SummaryHook` wrote at the end; None: the run has not ended."""
        return read_json(osp.join(self.folder, "summary.json"))

    def settings(self) -> dict[str, Any] | None:
        """Return what `record` wrote, or None."""
        return read_json(osp.join(self.folder, "ladder.json"))

    def record(self, settings: dict[str, Any]) -> None:
        """Make the work dir, and write into it what the run is trained with and on."""
        os.makedirs(self.folder, exist_ok=True)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        with open(osp.join(self.folder, "ladder.json"), "w", encoding="utf-8") as file:
            json.dump(dict(settings, machine=machine_name(device)), file, indent=1)


def step_name(config: str) -> str:
    """Return the name of a config's step: that of its file.

    >>> step_name('configs/ladder/b01_base.py')
    'b01_base'
    """
    return osp.splitext(osp.basename(config))[0]


def read_json(path: str) -> Any:
    """Return a file's content by key; None where it does not exist, is damaged or unfinished."""
    try:
        with open(path, encoding="utf-8") as file:
            content = parse_json(file.read())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None
