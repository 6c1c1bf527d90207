"""Whether a run that lasts takes more and more of its machine."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mtl_plugins.config import build_dataset, copied
from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError, MTLError

from .soak_hook import SoakSample, read_samples


@dataclass(frozen=True)
class Growth:
    """How memory grows: a straight line through samples, in MB per 1,000 iterations."""

    slope: float
    error: float
    """Standard error of the slope."""

    @classmethod
    def of(cls, iterations: Sequence[float], megabytes: Sequence[float]) -> Growth:
        """Fit the line with the least squares; needs three samples.

        >>> Growth.of([0, 500, 1000], [10.0, 11.0, 12.0]).slope
        2.0
        """
        x, y = np.asarray(iterations, float) / 1e3, np.asarray(megabytes, float)
        x, y = x - x.mean(), y - y.mean()
        slope = (x @ y) / (x @ x)
        variance = np.square(y - slope * x).sum() / (len(x) - 2)
        return cls(round(float(slope), 6), float(np.sqrt(variance / (x @ x))))

    def __str__(self) -> str:
        return f"{self.slope:+.2f} +- {2 * self.error:.2f}"


def soak(config: Config, work_dir: str, iterations: int = 2000, seed: int = 0) -> list[SoakSample]:
    """Train for long, as usual but for a constant learning rate, and sample at each validation.

    Args:
        config: as from `load_config`, of a run that counts epochs; it validates as the config
            says.
        work_dir: a new folder, where the run goes.
        iterations: at least so many are trained, up to the end of the last one's epoch.
        seed: of the run.

    Raises:
        ConfigError: the run would end before the six samples that a fit needs; or this system
            does not tell what a process holds.
        MTLError: the work dir is in use.
    """
    if not os.path.exists("/proc/self/smaps_rollup"):
        raise ConfigError("Memory and file handles are read from /proc, which only Linux has.")
    if os.path.isdir(work_dir) and os.listdir(work_dir):
        raise MTLError(f"{work_dir} is not empty; name a new folder with --work-dir.")
    config = copied(config)
    loader = config.train_dataloader
    length = len(build_dataset(config, "train")) / loader.batch_size
    length = math.floor(length) if loader.get("drop_last") else math.ceil(length)
    epochs = math.ceil(iterations / length)
    if epochs // config.train_cfg.get("val_interval", 1) < 6:
        raise ConfigError(
            f"{iterations} iterations are {epochs} epochs of {length}, with a validation every "
            f"{config.train_cfg.get('val_interval', 1)}, expected at least 6 validations: give "
            "more --iterations, or fewer images an epoch."
        )
    config.train_cfg.max_epochs = epochs
    config.param_scheduler = None  # that of the config may have come to zero long before
    config.custom_hooks = [*config.get("custom_hooks", []), dict(type="SoakHook")]
    train(config, work_dir, seed=seed)
    return read_samples(work_dir)


def report_soak(samples: Sequence[SoakSample], bound: float) -> None:
    """Print how memory grew in the second half of a run, and the range of the file handles.

    Args:
        samples: at least six.
        bound: MB per 1,000 iterations that main process and workers together may grow by.

    Raises:
        MTLError: they grew by more, and by more than an allocator that now and then gives memory
            back explains: by twice the standard error above the bound.
    """
    late = samples[len(samples) // 2 :]
    iterations = [sample.iteration for sample in late]
    growths = {
        name: Growth.of(iterations, [getattr(sample, name) for sample in late])
        for name in ("main", "workers", "total", "resident")
    }
    table = Table(
        "MB", "first", "middle", "last", "MB per 1,000 iterations",
        title=f"Iterations {iterations[0]} to {iterations[-1]}, {len(late)} samples",
    )  # fmt: skip
    for name, growth in growths.items():
        values = [getattr(sample, name) for sample in (samples[0], late[0], late[-1])]
        table.add_row(name, *(f"{value:.1f}" for value in values), str(growth))
    console = Console()
    console.print(table)
    console.print(
        "Slopes with twice their standard error. File handles: main process "
        f"{_range([sample.handles for sample in late])}, workers "
        f"{_range([sample.worker_handles for sample in late])}.",
        highlight=False,
    )
    if growths["total"].slope - 2 * growths["total"].error > bound:
        raise MTLError(
            f"Memory grows by {growths['total']} MB per 1,000 iterations, expected at most "
            f"{bound:g}: something is kept that should not be."
        )


def _range(values: Sequence[int]) -> str:
    return f"{min(values)} to {max(values)}"
