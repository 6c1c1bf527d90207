"""Training processes of a trial."""

from __future__ import annotations

import contextlib
import json
import os
import os.path as osp
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from ...errors import MTLError
from ..sweep_hook import VALIDATIONS, WORKER, Validation

LOG = "sweep.log"
CHECK_SECONDS = 0.2
END_SECONDS = 10
"""Seconds between SIGTERM and SIGKILL for a training that has to end."""


class TrialError(MTLError):
    """A trial that failed; the message is its reason."""


class InterruptedTrialError(MTLError):
    """A trial that was stopped and has to be queued again."""


def train_run(
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    is_ending: Callable[[], bool],
    report: Callable[[Sequence[Validation]], None],
) -> Validation:
    """Run a training in a process of its own.

    Args:
        command: the training's command line.
        folder: work dir; `sweep.log` in it gets the output.
        environment: variables that are added to those of this process.
        is_ending: whether to stop the training; called several times a second.
        report: called with each batch of new validations; an exception ends the training.

    Returns:
        The last validation.

    Raises:
        TrialError: the training failed.
        InterruptedTrialError: `is_ending` returned True.
    """
    if is_ending():
        raise InterruptedTrialError("interrupted")
    os.makedirs(folder, exist_ok=True)
    with open(osp.join(folder, LOG), "a", encoding="utf-8") as log:
        # In a session of its own, so that Ctrl-C reaches only the sweep, which ends the training.
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **environment, WORKER: str(os.getpid())}, start_new_session=True,
        )  # fmt: skip
    seen: list[Validation] = []
    try:
        running = True
        while running:
            running = process.poll() is None
            # Once more after the end, for the last validation.
            if new := read_validations(folder, len(seen)):
                seen += new
                report(new)
            if running:
                if is_ending():
                    raise InterruptedTrialError("interrupted")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(CHECK_SECONDS)
    finally:
        _end(process)
    if process.returncode:
        reason = exit_reason(process.returncode)
        raise TrialError(f"{reason}: {last_error(osp.join(folder, LOG))}")
    if not seen:
        raise TrialError("it ended without a validation; the config needs a validation loop")
    return seen[-1]


def read_validations(folder: str, skipped: int = 0) -> list[Validation]:
    """Read the validations of a work dir, without the first ones and an unfinished last line."""
    try:
        with open(osp.join(folder, VALIDATIONS), encoding="utf-8") as file:
            lines = file.read().split("\n")[skipped:-1]
    except FileNotFoundError:
        return []
    return [Validation(**json.loads(line)) for line in lines]


def last_error(log: str) -> str:
    """Return the last error line of a log, or its last line if there is none."""
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    # Commands end with "error: ...", tracebacks with "SomeError: ...".
    errors = [line for line in lines if line.partition(":")[0].lower().endswith("error")]
    return (errors or lines or ["it printed nothing"])[-1]


def exit_reason(code: int) -> str:
    """Describe a process's exit code.

    >>> exit_reason(1), exit_reason(-9)
    ('exit code 1', 'killed by SIGKILL, perhaps for lack of memory')
    """
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
    return f"killed by {name}" + (", perhaps for lack of memory" if name == "SIGKILL" else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
