"""Training a trial: a process for each seed."""

from __future__ import annotations

import json
import os
import os.path as osp
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any

from ...errors import MTLError
from ..ladder import Run, read_json
from ..sweep_hook import PRUNED, USAGE

LOG, RECORD = "sweep.log", "sweep.json"
CHECK_SECONDS = 0.2
END_SECONDS = 10
"""How long a training that is told to end may take before it is killed."""


class TrialError(MTLError):
    """A trial that cannot be scored; the message says why."""


class InterruptedTrialError(MTLError):
    """A trial whose worker was told to end."""


class PrunedRunError(Exception):
    """A run that the study ended early."""


def train_run(
    run: Run,
    script: str,
    options: Sequence[str],
    record: Mapping[str, Any],
    environment: Mapping[str, str],
    stop: Event,
) -> dict[str, Any]:
    """Train one run, from its last checkpoint where there is one.

    Args:
        run: config, seed and work dir.
        script: path of `tools/train.py`.
        options: `dotted.key=value`.
        record: what tells this run from any other that may be in the same work dir.
        environment: variables of the process, over those of this one.
        stop: ends the training when set.

    Returns:
        `seed`, `metrics` of the last validation, and `usage` as `SweepHook` wrote it.

    Raises:
        TrialError: the training failed, or the work dir is another study's.
        InterruptedTrialError: `stop` was set.
        PrunedRunError: the study ended it early.
    """
    _check_folder(run, record)
    if run.summary() is None:
        code = _call(run, script, options, environment, stop)
        if stop.is_set():
            raise InterruptedTrialError("interrupted")
        if code == PRUNED:
            raise PrunedRunError
        if code:
            raise TrialError(f"{_exit_reason(code)}: {last_error(osp.join(run.folder, LOG))}")
        if run.summary() is None:
            raise TrialError("it wrote no summary.json; the config needs a SummaryHook")
    usage = osp.join(run.folder, USAGE)
    return dict(seed=run.seed, metrics=run.summary()["metrics"], usage=read_json(usage) or {})


def last_error(log: str) -> str:
    """Return the last line of a log that tells of an error; the last line of all if none does."""
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    # "error: ..." as commands end, "SomeError: ..." as tracebacks do.
    told = [line for line in lines if line.partition(":")[0].lower().endswith("error")]
    return (told or lines or ["it printed nothing"])[-1]


def _exit_reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    hint = ", perhaps for lack of memory" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def _check_folder(run: Run, record: Mapping[str, Any]) -> None:
    """Take possession of a work dir, or raise where it holds another run."""
    path = osp.join(run.folder, RECORD)
    if run.started or run.summary() is not None:
        if read_json(path) != record:
            raise TrialError(
                f"{run.folder} holds a run of another study. Remove it, or choose another --out"
            )
        return
    os.makedirs(run.folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)


def _call(
    run: Run,
    script: str,
    options: Sequence[str],
    environment: Mapping[str, str],
    stop: Event,
) -> int:
    command = [sys.executable, script, run.config, "--work-dir", run.folder]
    command += ["--seed", str(run.seed), *(["--resume"] if run.started else [])]
    command += ["--cfg-options", *options]
    with open(osp.join(run.folder, LOG), "a", encoding="utf-8") as log:
        # A session of its own: Ctrl-C reaches the worker alone, which ends the training and gives
        # the trial back.
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **environment}, start_new_session=True,
        )  # fmt: skip
    while not stop.is_set():
        try:
            return process.wait(CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.terminate()
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
