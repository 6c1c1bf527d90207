"""What a running training holds of its machine, again and again."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

SAMPLES = "soak.json"


@dataclass(frozen=True)
class SoakSample:
    """What a run held at one moment: memory in MB (10^6 bytes), open file handles as counts.

    Of memory that processes share each has its part (PSS), so that the parts can be added. Mapped
    files, Python and all libraries, are not counted: how large a part of them is this run's depends
    on what else runs on the machine.
    """

    iteration: int
    main: float
    workers: float
    resident: float
    """The main process' resident set (RSS): all of what it shares, mapped files included."""
    handles: int
    worker_handles: int

    @property
    def total(self) -> float:
        """Memory of the main process and of the loaders' workers."""
        return self.main + self.workers


@HOOKS.register_module()
class SoakHook(Hook):
    """Write down after each validation how much memory and how many file handles the run holds.

    Every sample is a line of JSON in the work dir's `soak.json` (`SoakSample`), there as soon as it
    is taken. Linux alone tells these numbers.
    """

    priority = "LOWEST"

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take a sample."""
        gc.collect()  # what only waits for the collector is no leak
        with open(Path(runner.work_dir, SAMPLES), "a", encoding="utf-8") as file:
            print(json.dumps(asdict(take_sample(runner.iter))), file=file)


def take_sample(iteration: int) -> SoakSample:
    """Look at this process and at those it has started with `multiprocessing`."""
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
    """Return what a run's `SoakHook` has written."""
    lines = Path(work_dir, SAMPLES).read_text(encoding="utf-8").splitlines()
    return [SoakSample(**json.loads(line)) for line in lines]


def _memory(process: int | str, *kinds: str) -> float:
    """Return megabytes of some kinds, such as "Rss: 304072 kB" (of 1,024 bytes)."""
    with open(f"/proc/{process}/smaps_rollup", encoding="utf-8") as lines:
        rows = [line.split() for line in lines]
    return round(sum(int(row[1]) for row in rows if row[0].rstrip(":") in kinds) * 1.024e-3, 3)


def _handles(process: int | str) -> int:
    return len(os.listdir(f"/proc/{process}/fd"))
