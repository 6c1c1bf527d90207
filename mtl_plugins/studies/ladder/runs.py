"""The runs of a ladder: every config with every seed, and what they left on disk."""

from __future__ import annotations

import os
import os.path as osp
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...config import check_exists
from ...errors import ConfigError
from ..run import Run, step_name

SIZE_VARIABLE, DEFAULT_SIZE = "LADDER_SIZE", "full"


@dataclass(frozen=True)
class Ladder:
    """Configs that are compared step by step.

    Args:
        configs: paths of config files, in the order of the steps.
        out: folder of the runs and the report.
        seeds: every config is trained with each of them.
        options: `dotted.key=value`, laid over every config.

    Raises:
        ConfigError: a config does not exist, two have the same file name, a seed is negative or
            given twice, or `out` holds runs that were trained with other settings.
    """

    configs: Sequence[str]
    out: str
    seeds: Sequence[int] = (0, 1, 2)
    options: Sequence[str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        paths: dict[str, str] = {}
        for path in self.configs:
            check_exists(path)
            name = step_name(path)
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

        So an interrupted study has every step once.
        """
        return [
            Run(config, seed, osp.join(self.out, step_name(config), f"seed{seed}"))
            for seed in self.seeds
            for config in self.configs
        ]

    def settings(self) -> dict[str, Any]:
        """Return what every run must have been trained with for the steps to be comparable."""
        size = os.environ.get(SIZE_VARIABLE, DEFAULT_SIZE)
        return {SIZE_VARIABLE: size, "options": list(self.options)}

    def _check_settings(self, run: Run) -> None:
        if not run.started and run.summary() is None:
            return  # nothing of it is used
        for key, value in self.settings().items():
            recorded = (run.settings() or {}).get(key, value)
            if recorded != value:
                raise ConfigError(
                    f"{run.folder} was trained with {key}={recorded}, not {value}. Call the "
                    "command as before, or choose another --out."
                )
