"""The runs of a ladder: each config with each seed, and what they left on disk."""

from __future__ import annotations

import json
import os
import os.path as osp
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...config import check_exists
from ...errors import ConfigError
from ...utils import machine_name, parse_json, read_text

SIZE_VARIABLE, DEFAULT_SIZE = "LADDER_SIZE", "full"


@dataclass(frozen=True)
class Run:
    """One config trained with one seed.

    Args:
        config: path of the config file.
        seed: seed of the run.
        folder: its work dir.
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
        return f"{Path(self.config).stem}/seed{self.seed}"

    @property
    def place(self) -> str:
        """The config's folder and name, which tell it from others of its name.

        >>> Run('configs/ladder/b01_base.py', 2, 'out').place
        'ladder/b01_base.py'
        """
        return "/".join(Path(self.config).resolve().parts[-2:])

    @property
    def log(self) -> str:
        """Path of the file with the output of the training."""
        return osp.join(self.folder, "ladder.log")

    @property
    def started(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return osp.exists(osp.join(self.folder, "last_checkpoint"))

    def summary(self) -> dict[str, dict[str, float]] | None:
        """Return what `SummaryHook` wrote at the end; None if the run has not ended."""
        return read_json(osp.join(self.folder, "summary.json"))

    def settings(self) -> dict[str, Any] | None:
        """Return what `record` wrote; None if there is nothing."""
        return read_json(osp.join(self.folder, "ladder.json"))

    def record(self, settings: dict[str, Any]) -> None:
        """Make the work dir and write the settings and the machine of the run into it."""
        os.makedirs(self.folder, exist_ok=True)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        with open(osp.join(self.folder, "ladder.json"), "w", encoding="utf-8") as file:
            about = dict(settings, config=self.place, machine=machine_name(device))
            json.dump(about, file, indent=1)


def read_json(path: str) -> Any:
    """Read a JSON object from a file; None if the file is missing, damaged or unfinished."""
    try:
        content = parse_json(read_text(path))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


@dataclass(frozen=True)
class Ladder:
    """Configs that are compared step by step.

    Args:
        configs: paths of config files, in the order of the steps.
        out: folder of the runs and the report.
        seeds: every config is trained with each of them.
        options: `dotted.key=value`, laid over every config.

    Raises:
        ConfigError: a config does not exist, two configs have the same file name, a seed is
            negative or given twice, or `out` holds runs that were trained with other settings.
    """

    configs: Sequence[str]
    out: str
    seeds: Sequence[int] = (0, 1, 2)
    options: Sequence[str] = ()

    def __post_init__(self) -> None:
        paths: dict[str, str] = {}
        for path in self.configs:
            check_exists(path)
            name = Path(path).stem
            if name in paths:
                raise ConfigError(
                    f"{paths[name]} and {path} have the same file name, which names a step and its "
                    "folder. Rename one of them or leave it out."
                )
            paths[name] = path
        if min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"--seeds {self.seeds}: expected different numbers >= 0.")
        for run in self.runs():
            self._check_settings(run)

    def runs(self) -> list[Run]:
        """Return all runs: every config with the first seed, then with the next.

        An interrupted study thus has every step once.
        """
        return [
            Run(config, seed, osp.join(self.out, Path(config).stem, f"seed{seed}"))
            for seed in self.seeds
            for config in self.configs
        ]

    def settings(self) -> dict[str, Any]:
        """Return the settings that all runs must share for the steps to be comparable."""
        size = os.environ.get(SIZE_VARIABLE, DEFAULT_SIZE)
        return {SIZE_VARIABLE: size, "options": list(self.options)}

    def _check_settings(self, run: Run) -> None:
        if not run.started and run.summary() is None:
            return  # nothing of it is used
        for key, value in {**self.settings(), "config": run.place}.items():
            recorded = (run.settings() or {}).get(key, value)
            if recorded != value:
                raise ConfigError(
                    f"{run.folder} was trained with {key}={recorded}, not {value}. Call the "
                    "command as before, or choose another --out."
                )
