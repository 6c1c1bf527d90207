"""Running a sweep: the first checks, trials several at a time, and the report."""

from __future__ import annotations

import glob
import math
import os
import os.path as osp
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from queue import SimpleQueue
from statistics import mean
from threading import Lock
from typing import Any

import numpy as np
import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from ...errors import ConfigError, MTLError
from ...utils import ProgressLine, check_results
from ..sweep_hook import Validation
from .report import shown_values, write_report
from .search_space import check_space
from .study import (
    DATABASE,
    FOLDER,
    OPTIONS,
    REASON,
    RUNS,
    TWIN,
    WORKER,
    Sweep,
    counted,
    open_storage,
    open_study,
)
from .training import InterruptedTrialError, TrialError, train_run

WAIT_SECONDS = 1
FAILURES = 5
"""The sweep gives up when this many first trials all fail."""


def run_sweep(sweep: Sweep, script: str | None, jobs: int = 1) -> None:
    """Run trials until the study has all of them, then write the report into `sweep.out`.

    Args:
        sweep: the settings.
        script: path of `tools/train.py`; None: only report.
        jobs: trials at the same time on this machine.

    Raises:
        ConfigError: the search space, the storage, the folder or the number of jobs cannot be used.
        MTLError: the first trials all failed, or no trial has a score.
        SystemExit: a signal ended the sweep.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}; expected 1 or more.")
    if script:
        check_space(sweep.space, sweep.config, sweep.options)
        check_results(folder=sweep.out)
        os.makedirs(sweep.out, exist_ok=True)
    elif not sweep.storage and not osp.exists(osp.join(sweep.out, DATABASE)):
        raise ConfigError(
            f"There is no study in {sweep.out}. Run the command without --report-only first."
        )
    folders = glob.glob(osp.join(glob.escape(sweep.out), "trial_*"))
    study = open_study(sweep, open_storage(sweep.url, sweep.heartbeat), create=script is not None)
    if script and folders and not study.get_trials(deepcopy=False):
        raise ConfigError(
            f"{sweep.out} holds {len(folders)} trials of another study, such as {folders[0]}. "
            "Remove them, or choose another --out."
        )
    try:
        if script:
            with ProgressLine(sweep.name, sweep.trials) as line:
                Worker(sweep, study, script, jobs, line).run()
    finally:
        # Also after an interruption or an error.
        write_report(study, sweep.space.metric_name, sweep.out, sweep.space.pairs)
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        raise MTLError("No trial has a score yet.")


class Worker:
    """Run trials of a study, several at a time.

    Args: as in `run_sweep`; `line` shows how many trials have ended.
    """

    def __init__(
        self, sweep: Sweep, study: optuna.Study, script: str, jobs: int, line: ProgressLine
    ) -> None:
        self.sweep = sweep
        self.study = study
        self.script = script
        self.jobs = jobs
        self.line = line
        self._environments: SimpleQueue[dict[str, str]] = SimpleQueue()
        listed = os.environ.get("CUDA_VISIBLE_DEVICES")
        devices = listed.split(",") if listed else [*map(str, range(torch.cuda.device_count()))]
        for each in job_environments(jobs, devices, torch.get_num_threads(), os.environ):
            self._environments.put(each)
        # Jobs choose their values one after the other, so that each sees those of all others.
        self._lock = Lock()
        self._signal: int | None = None
        self._error: Exception | None = None
        self._failures = 0
        self._succeeded = self._started = False
        self._are_twins: list[bool] = []

    def run(self) -> None:
        """Run trials until the study has all of them and no other worker runs one.

        Raises:
            MTLError: the first trials all failed.
            SystemExit: a signal ended the sweep; the running trials are queued again.
        """
        before = {each: signal.signal(each, self._note) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            more = True
            self._show()
            while self._signal is None:
                optuna.storages.fail_stale_trials(self.study)
                number = self._open_trials() if more else 0
                if number:
                    more = self._optimize(number)
                elif any(trial.state == TrialState.RUNNING for trial in counted(self.study)):
                    time.sleep(WAIT_SECONDS)  # if its worker dies, this one repeats the trial
                else:
                    return
            sys.exit(128 + self._signal)
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _note(self, number: int, frame: Any) -> None:
        # Nothing else: the jobs end their trainings and queue their trials again.
        self._signal = number

    def _is_ending(self) -> bool:
        return self._signal is not None or self._error is not None

    def _open_trials(self) -> int:
        """Return how many trials are queued or do not exist yet."""
        trials = counted(self.study)
        waiting = sum(trial.state == TrialState.WAITING for trial in trials)
        return waiting + max(0, self.sweep.trials - len(trials))

    def _optimize(self, number: int) -> bool:
        """Run a number of trials; return False if the sampler has nothing left to try."""
        self._started, self._are_twins = False, []
        try:
            self.study.optimize(
                self._objective,
                n_trials=number,
                n_jobs=min(self.jobs, number),
                catch=(TrialError, InterruptedTrialError),
                callbacks=[self._after],
            )
        except (UpdateFinishedTrialError, ValueError):
            # Optuna raises these for the result of a trial that another worker has taken for dead
            # and repeats. All other errors of a trial are in `_error`.
            if not self._started:
                raise
        if self._error is not None:
            raise self._error
        # BruteForceSampler may stop a study too early while several jobs choose values. So it is
        # asked again, until it repeats itself.
        return len(self._are_twins) in (0, number) or not all(self._are_twins)

    def _after(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Show how a trial ended, and end the study if nothing is left to do."""
        self._are_twins.append(TWIN in trial.user_attrs)
        if trial.state == TrialState.FAIL and REASON not in trial.user_attrs:
            RetryHeartbeatStaleTrialCallback()(study, trial)
        else:
            print(describe(trial), file=sys.stderr, flush=True)
            self._succeeded |= trial.state != TrialState.FAIL
            self._failures += trial.state == TrialState.FAIL
        if self._failures >= FAILURES and not self._succeeded:
            self._error = MTLError(
                f"The first {FAILURES} trials failed. Fix the config or the search space. The "
                f"last reason was:\n  {trial.user_attrs[REASON]}"
            )
        self._show()
        if self._is_ending() or not self._open_trials():
            study.stop()

    def _objective(self, trial: optuna.Trial) -> float:
        self._started = True
        try:
            trial.set_user_attr(WORKER, f"{socket.gethostname()}:{os.getpid()}")
            return self._score(trial)
        except (TrialError, ConfigError) as error:
            trial.set_user_attr(REASON, str(error))
            raise TrialError(str(error)) from error
        except (InterruptedTrialError, UpdateFinishedTrialError, optuna.TrialPruned):
            raise
        except Exception as error:
            # Kept, because Optuna drops the errors of the last parallel trials.
            self._error = error
            raise

    def _score(self, trial: optuna.Trial) -> float:
        space = self.sweep.space
        with self._lock:
            # A sampler with one seed would repeat its values in every worker and after a restart.
            seeds = np.random.SeedSequence([self.sweep.seed, trial.number])
            self.study.sampler = space.sampler(int(seeds.generate_state(1)[0]))
            options = space.options(trial)
        trial.set_user_attr(OPTIONS, options)
        # An attempt that repeats another one has its folder and results.
        if FOLDER not in trial.user_attrs and (twin := self._claim(trial)):
            trial.set_user_attr(TWIN, twin.number)
            if REASON in twin.user_attrs:
                raise TrialError(twin.user_attrs[REASON])
            if twin.value is None or twin.state == TrialState.PRUNED:
                raise optuna.TrialPruned
            return twin.value
        self._show()
        runs: list[dict[str, Any]] = list(trial.user_attrs.get(RUNS, []))
        for seed in space.seeds[len(runs) :]:
            last = self._train(trial, seed, options)
            score = space.score(last.metrics)
            if not math.isfinite(score):
                raise TrialError(f"the score is {score}")
            runs.append(dict(vars(last), seed=seed, score=score))
            trial.set_user_attr(RUNS, runs)
        return mean(run["score"] for run in runs)

    def _claim(self, trial: optuna.Trial) -> FrozenTrial | None:
        """Give a trial its folder; if another trial has the same values, return it once it ended.

        A trial with a folder trains its values itself. Of two without, the earlier one does.
        """
        folder = f"trial_{trial.number:04d}"
        while not self._is_ending():
            with self._lock:
                twins = [
                    other
                    for other in counted(self.study)
                    if other.number != trial.number
                    and other.params == trial.params
                    and other.state != TrialState.WAITING
                    and TWIN not in other.user_attrs
                    and (FOLDER in other.user_attrs or other.number < trial.number)
                ]
                if not twins:
                    if osp.exists(path := osp.join(self.sweep.out, folder)):
                        raise TrialError(f"{path} holds a run of another study; use another --out")
                    trial.set_user_attr(FOLDER, folder)
                    return None
            if twins[0].state != TrialState.RUNNING:
                return twins[0]
            time.sleep(WAIT_SECONDS)
        raise InterruptedTrialError("interrupted")

    def _train(self, trial: optuna.Trial, seed: int, options: Sequence[str]) -> Validation:
        space = self.sweep.space
        folder = osp.join(self.sweep.out, trial.user_attrs[FOLDER])
        if len(space.seeds) > 1:
            folder = osp.join(folder, f"seed{seed}")
        command = [sys.executable, self.script, self.sweep.config, "--work-dir", folder]
        command += ["--seed", str(seed)]
        if osp.exists(osp.join(folder, "last_checkpoint")):
            command.append("--resume")
        command += ["--cfg-options", *self.sweep.options, *options]
        command.append("default_hooks.sweep.type=SweepHook")
        steps: set[int] = set()

        def report(validations: Sequence[Validation]) -> None:
            scores = {each.step: space.score(each.metrics) for each in validations}
            if seed != space.seeds[0]:
                return
            # A resumed training may repeat a validation.
            for step in scores.keys() - steps:
                trial.report(scores[step], step)
            steps.update(scores)
            # After the last validation the score is known: pruning would save nothing.
            if not validations[-1].is_last and trial.should_prune():
                raise optuna.TrialPruned

        environment = self._environments.get()
        try:
            return train_run(command, folder, environment, self._is_ending, report)
        finally:
            self._environments.put(environment)

    def _show(self) -> None:
        trials = counted(self.study)
        running = [str(trial.number) for trial in trials if trial.state == TrialState.RUNNING]
        state = f"running {', '.join(running)}" if running else ""
        if any(trial.state == TrialState.COMPLETE for trial in trials):
            best = self.study.best_trial
            state += f" | best {best.value:.4g} (trial {best.number})"
        ended = sum(trial.state.is_finished() for trial in trials)
        self.line.update(ended, f"{self.sweep.name} {state}".rstrip())


def job_environments(
    jobs: int, devices: Sequence[str], threads: int, given: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return the variables for the trainings of each job: its GPU and its share of the cores.

    Args:
        jobs: number of jobs.
        devices: ids of the GPUs, assigned in turn.
        threads: number of threads that the jobs share.
        given: variables of this process; those about threads stay as the user set them.

    >>> job_environments(3, ["0", "1"], 6, {"OMP_WAIT_POLICY": "ACTIVE"})[2]
    {'OMP_NUM_THREADS': '2', 'CUDA_VISIBLE_DEVICES': '0'}
    """
    shared = {"OMP_NUM_THREADS": str(max(1, threads // jobs))}
    if jobs > 1:
        # Waiting threads that spin would take the cores from the other jobs.
        shared["OMP_WAIT_POLICY"] = "PASSIVE"
    shared = {name: value for name, value in shared.items() if name not in given}
    if len(devices) < 2:
        return [shared] * jobs
    return [shared | {"CUDA_VISIBLE_DEVICES": devices[job % len(devices)]} for job in range(jobs)]


def describe(trial: FrozenTrial) -> str:
    """Return a line that says how a trial ended."""
    took = timedelta(seconds=round(trial.duration.total_seconds() if trial.duration else 0))
    if TWIN in trial.user_attrs:
        result = f"same values as trial {trial.user_attrs[TWIN]}"
    elif trial.state == TrialState.COMPLETE:
        result = f"{trial.value:.4g} in {took}"
    elif trial.state == TrialState.PRUNED:
        result = f"pruned after {took}"
    else:
        result = f"failed after {took}: {trial.user_attrs.get(REASON, 'unknown')}"
    return f"trial {trial.number}: {result} ({shown_values(trial.params)})"
