"""Train for long and measure whether memory and file handles grow."""

from __future__ import annotations

import gc
import json
import math
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mtl_plugins.config import build_dataset, copied
from mtl_plugins.engine import train
from mtl_plugins.errors import ConfigError, MTLError
from mtl_plugins.utils import TextTable, wide_console

SAMPLES = "soak.json"


@dataclass(frozen=True)
class SoakSample:
    """Memory in MB (10^6 bytes) and open file handles of a run at one moment.

    Shared memory is divided among the processes that share it (PSS), so that the parts can be
    added. Mapped files, such as Python and all libraries, are not counted: this run's part of them
    depends on the other processes of the machine.
    """

    iteration: int
    main: float
    workers: float
    resident: float
    """The main process's resident set (RSS), with all shared memory and mapped files."""
    handles: int
    worker_handles: int

    @property
    def total(self) -> float:
        """Memory of the main process and of the loaders' workers."""
        return self.main + self.workers


@HOOKS.register_module()
class SoakHook(Hook):
    """Record the memory and the file handles of the run after each validation. Linux only.

    Every sample is written at once, as a line of JSON in the work dir's `soak.json`
    (`SoakSample`).
    """

    priority = "LOWEST"

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take a sample."""
        gc.collect()  # garbage that waits for the collector is no leak
        with open(Path(runner.work_dir, SAMPLES), "a", encoding="utf-8") as file:
            print(json.dumps(asdict(take_sample(runner.iter))), file=file)


def take_sample(iteration: int) -> SoakSample:
    """Measure this process and those that it started with `multiprocessing`."""
    workers = [p.pid for p in multiprocessing.active_children() if p.pid is not None]
    return SoakSample(
        iteration,
        _memory("self", "Pss_Anon", "Pss_Shmem"),
        sum(_memory(pid, "Pss_Anon", "Pss_Shmem") for pid in workers),
        _memory("self", "Rss"),
        _handles("self"),
        sum(map(_handles, workers)),
    )


def read_samples(work_dir: str) -> list[SoakSample]:
    """Read the samples that a run's `SoakHook` wrote."""
    lines = Path(work_dir, SAMPLES).read_text(encoding="utf-8").splitlines()
    return [SoakSample(**json.loads(line)) for line in lines]


def _memory(process: int | str, *kinds: str) -> float:
    """Return the megabytes of some entries, such as "Rss: 304072 kB" (of 1,024 bytes)."""
    with open(f"/proc/{process}/smaps_rollup", encoding="utf-8") as lines:
        rows = [line.split() for line in lines]
    return round(sum(int(row[1]) for row in rows if row[0].rstrip(":") in kinds) * 1.024e-3, 3)


def _handles(process: int | str) -> int:
    return len(os.listdir(f"/proc/{process}/fd"))


@dataclass(frozen=True)
class Growth:
    """Growth of memory: a straight line through samples, in MB per 1,000 iterations."""

    slope: float
    error: float
    """Standard error of the slope."""

    @classmethod
    def of(cls, iterations: Sequence[float], megabytes: Sequence[float]) -> Growth:
        """Fit the line by least squares; needs three samples.

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
    """Train for long with a constant learning rate, and take a sample at each validation.

    Args:
        config: as from `load_config`, of a run that counts epochs; it validates as the config
            says.
        work_dir: a new folder for the run.
        iterations: smallest number of iterations; the last epoch is completed.
        seed: seed of the run.

    Raises:
        ConfigError: the run would end before the six samples that a fit needs, or the system is
            not Linux.
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
    config.param_scheduler = None  # the config's may reach zero long before the end
    config.custom_hooks = [*config.get("custom_hooks", []), dict(type="SoakHook")]
    train(config, work_dir, seed=seed)
    return read_samples(work_dir)


def report_soak(samples: Sequence[SoakSample], bound: float) -> None:
    """Print the growth of memory in the second half of a run, and the range of file handles.

    Args:
        samples: at least six.
        bound: largest growth of main process and workers together, in MB per 1,000 iterations.

    Raises:
        MTLError: the growth is above the bound by more than twice its standard error, so that an
            allocator that gives memory back now and then does not explain it.
    """
    late = samples[len(samples) // 2 :]
    iterations = [sample.iteration for sample in late]
    growths = {
        name: Growth.of(iterations, [getattr(sample, name) for sample in late])
        for name in ("main", "workers", "total", "resident")
    }
    rows = []
    for name, growth in growths.items():
        values = [getattr(sample, name) for sample in (samples[0], late[0], late[-1])]
        rows.append([name, *(f"{value:.1f}" for value in values), str(growth)])
    title = f"Iterations {iterations[0]} to {iterations[-1]}, {len(late)} samples"
    columns = ("MB", "first", "middle", "last", "MB per 1,000 iterations")
    console = wide_console()
    console.print(TextTable(columns, rows, title=title))
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
