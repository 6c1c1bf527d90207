"""Running a sweep: workers side by side, their progress, and the report."""

from __future__ import annotations

import os
import os.path as osp
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Event

import optuna
import torch
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from ...errors import ConfigError, MTLError
from .report import write_report
from .rows import shown_values
from .search_space import check_space
from .storage import open_storage
from .study import DATABASE, Sweep, latest, open_study
from .worker import REASON, TWIN, Worker

REFRESH_SECONDS = 0.5


def run_sweep(sweep: Sweep, script: str | None, jobs: int = 1) -> None:
    """Run trials until the study has all of them, then write the report into `sweep.out`.

    Args:
        sweep: what is tried.
        script: path of `tools/train.py`; None: report what there is.
        jobs: trials at the same time on this machine.

    Raises:
        ConfigError: the search space, the storage or the number of jobs cannot be used.
        MTLError: the first trials all failed, or no trial at all has a score.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}; expected 1 or more.")
    if script:
        check_space(sweep.space, sweep.config, sweep.options)
        os.makedirs(sweep.out, exist_ok=True)
    elif not sweep.storage and not osp.exists(osp.join(sweep.out, DATABASE)):
        raise ConfigError(f"There is no study in {sweep.out}. Run it without --report-only first.")
    storage = open_storage(sweep.url, sweep.heartbeat)
    study = open_study(sweep, storage, create=script is not None)
    try:
        if script:
            _run_workers(sweep, storage, script, jobs)
    finally:
        # Also what an interrupted or given-up sweep has found so far.
        write_report(study, sweep.space.metric_name, sweep.out, sweep.space.pairs)
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        raise MTLError("No trial has a score yet.")


def job_environments(jobs: int, devices: Sequence[str], threads: int) -> list[dict[str, str]]:
    """Return the variables of every job's trainings: which GPU, and how many threads.

    Args:
        jobs: number of jobs.
        devices: ids of the GPUs, dealt out in turn.
        threads: shared by the jobs.

    >>> job_environments(3, ["0", "1"], 6)[2]
    {'OMP_NUM_THREADS': '2', 'CUDA_VISIBLE_DEVICES': '0'}
    """
    environments = []
    for index in range(jobs):
        environment = dict(OMP_NUM_THREADS=str(max(1, threads // jobs)))
        if len(devices) > 1:
            environment["CUDA_VISIBLE_DEVICES"] = devices[index % len(devices)]
        environments.append(environment)
    return environments


def _visible_devices() -> list[str]:
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return listed.split(",") if listed else [str(i) for i in range(torch.cuda.device_count())]


def _run_workers(sweep: Sweep, storage: RDBStorage, script: str, jobs: int) -> None:
    # A default SIGTERM would leave trial and training to themselves.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda code, _: sys.exit(128 + code))
    stop = Event()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("trials"),
        TimeElapsedColumn(), TextColumn("{task.fields[state]}"),
    )  # fmt: skip
    environments = job_environments(jobs, _visible_devices(), torch.get_num_threads())
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ThreadPoolExecutor(jobs) as pool,
    ):
        print_line = progress.console.out
        bar = progress.add_task(sweep.name, total=sweep.trials, state="")
        workers = [
            Worker(sweep, storage, script, env, stop, lambda t: print_line(describe(t)))
            for env in environments
        ]
        futures = [pool.submit(worker.run) for worker in workers]
        study = open_study(sweep, storage)
        try:
            running = futures
            while running:
                done, running = wait(running, REFRESH_SECONDS, return_when=FIRST_EXCEPTION)
                _show(progress, bar, study)
                for future in done:
                    future.result()
        finally:
            stop.set()


def _show(progress: Progress, bar: TaskID, study: optuna.Study) -> None:
    trials = latest(study)
    ended = sum(trial.state.is_finished() for trial in trials)
    running = [str(t.number) for t in study.get_trials(False) if t.state == TrialState.RUNNING]
    best = [t for t in trials if t.state == TrialState.COMPLETE]
    state = f"running {', '.join(running)}" if running else ""
    if best:
        state += f" | best {study.best_value:.4g} (trial {study.best_trial.number})"
    progress.update(bar, completed=ended, state=state)


def describe(trial: FrozenTrial) -> str:
    """Return a line that tells how a trial ended."""
    took = timedelta(seconds=round(trial.duration.total_seconds()))
    if TWIN in trial.user_attrs:
        result = f"same values as trial {trial.user_attrs[TWIN]}"
    elif trial.state == TrialState.COMPLETE:
        result = f"{trial.value:.4g} in {took}"
    elif trial.state == TrialState.PRUNED:
        result = f"pruned after {took}"
    else:
        result = f"failed after {took}: {trial.user_attrs.get(REASON, 'unknown')}"
    return f"trial {trial.number}: {result} ({shown_values(trial.params)})"
