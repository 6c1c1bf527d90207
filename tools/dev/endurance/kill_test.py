"""Test that a run that is killed and resumed repeatedly ends like an uninterrupted one."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path

from mmengine.config import Config
from rich.console import Console

from mtl_plugins.engine import train
from mtl_plugins.errors import MTLError
from mtl_plugins.utils import UNFINISHED

from .run_difference import run_differences


@dataclass
class KillReport:
    """The counts and the result of a test."""

    kills: int = 0
    while_saving: int = 0
    """Kills during the writing of a checkpoint."""
    runs: int = 0
    """Runs that were killed and resumed until they ended."""
    differences: list[str] = field(default_factory=list)


def kill_test(config: Config, work_dir: str, kills: int = 30, seed: int = 0) -> KillReport:
    """Train once without and repeatedly with kills, and compare the results.

    A run is killed (SIGKILL) at random moments and resumed until it ends; further runs follow
    until the number of kills is reached. Every third kill comes while a checkpoint is being
    written, the others at any moment of a run, including its start. Processes are forked, so only
    the CPU is used.

    Args:
        config: as from `load_config`; a run should take seconds.
        work_dir: a new folder for the runs `whole`, `killed_0`, `killed_1` and so on.
        kills: number of kills.
        seed: seed of the moments and of the runs.

    Returns:
        The counts, and every difference of a killed run from the whole one (`run_differences`).

    Raises:
        MTLError: a run ended with an error, which is in its `output.txt`; or the work dir is in
            use.
    """
    if os.path.isdir(work_dir) and os.listdir(work_dir):
        raise MTLError(f"{work_dir} is not empty; name a new folder with --work-dir.")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    moments, report = random.Random(seed), KillReport()
    # Plain lines: a progress bar has a thread, which is unsafe with forks.
    console = Console(stderr=True)
    whole = os.path.join(work_dir, "whole")
    console.print("one run without kills")
    start = time.monotonic()
    _finish(_start(config, whole, seed), whole)
    duration = time.monotonic() - start
    while report.kills < kills:
        run = os.path.join(work_dir, f"killed_{report.runs}")
        process = _start(config, run, seed)
        while report.kills < kills:
            if report.kills % 3 == 0:
                saving = _stop_while_saving(process, run, moments)
            else:
                saving = False
                process.join(moments.uniform(0.0, duration))
            if not process.is_alive():
                break
            process.kill()
            process.join()
            report.kills += 1
            report.while_saving += saving
            when = "while a checkpoint was written" if saving else "at any moment"
            console.print(f"run {report.runs + 1}: kill {report.kills} of {kills}, {when}")
            process = _start(config, run, seed)
        _finish(process, run)
        report.runs += 1
        report.differences += [f"{run}: {line}" for line in run_differences(whole, run)]
    return report


def show_kill_report(report: KillReport) -> None:
    """Print the result of a test.

    Raises:
        MTLError: a killed run differs.
    """
    print(
        f"{report.kills} kills, {report.while_saving} of them while a checkpoint was written; "
        f"{report.runs} runs were resumed until they ended."
    )
    if report.differences:
        listed = "\n".join(report.differences[:20])
        raise MTLError(
            f"{len(report.differences)} differences from the run without kills:\n{listed}"
        )
    print("Each is equal to the run without kills, bit for bit.")


def _start(config: Config, work_dir: str, seed: int) -> ForkProcess:
    os.makedirs(work_dir, exist_ok=True)
    process = multiprocessing.get_context("fork").Process(
        target=_train, args=(config, work_dir, seed)
    )
    process.start()
    return process


def _train(config: Config, work_dir: str, seed: int) -> None:
    with open(os.path.join(work_dir, "output.txt"), "a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        train(config, work_dir, resume="auto", seed=seed)


def _finish(process: ForkProcess, work_dir: str) -> None:
    process.join()
    if process.exitcode:
        raise MTLError(
            f"A run ended with exit code {process.exitcode}, expected 0; see {work_dir}/output.txt."
        )


def _stop_while_saving(process: ForkProcess, work_dir: str, moments: random.Random) -> bool:
    """Halt a run while it writes a checkpoint; return False if it ended before."""
    start, passed_over = time.time(), moments.randint(0, 2)
    assert process.pid is not None  # it was started

    def saving() -> bool:
        # Files that an earlier kill left are older.
        return any(_changed(path) > start for path in Path(work_dir).glob("*.pth" + UNFINISHED))

    while process.is_alive():
        if not saving():
            time.sleep(0.0002)
            continue
        time.sleep(moments.uniform(0.0, 0.002))
        # Halted, it can no longer finish the file before the kill.
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.001)
        if saving():
            if passed_over == 0:
                return True
            passed_over -= 1
        os.kill(process.pid, signal.SIGCONT)
        while saving() and process.is_alive():
            time.sleep(0.0002)
    return False


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
