"""Train the runs of a ladder, one process after the other."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta

from ...errors import ConfigError, MTLError
from ...evaluation import Baselines
from ...utils import ProgressLine, check_results
from .report import write_report
from .runs import Ladder, Run

SHOWN_LINES = 15


def study(
    ladder: Ladder, size: tuple[int, int], script: str | None, baselines: Baselines | None = None
) -> None:
    """Train the runs that have not ended, then write the report into `ladder.out`.

    Args:
        ladder: the runs.
        size: (height, width) of the image that GMACs are counted for, in pixels.
        script: path of `tools/train.py`; None to train nothing.
        baselines: as in `write_report`.

    Raises:
        ConfigError: the size is not positive, or the folder cannot be written.
        MTLError: some runs failed; raised after the report is written.
    """
    if min(size) < 1:
        raise ConfigError(f"--size {size[0]} {size[1]}; expected numbers >= 1.")
    check_results(folder=ladder.out)
    failed = train_runs(ladder, script) if script else []
    write_report(ladder, size, baselines)
    if failed:
        listed = "\n".join(f"  {run.name}: see {run.log}" for run in failed)
        raise MTLError(f"{len(failed)} of {len(ladder.runs())} runs failed:\n{listed}")


def train_runs(ladder: Ladder, script: str) -> list[Run]:
    """Train every run of a ladder that has not ended, and return those that failed."""
    # By default SIGTERM would end this process and leave the training alive in its work dir.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    pending = [run for run in ladder.runs() if run.summary() is None]
    for run in ladder.runs():
        if run not in pending:
            print(f"{run.name}: trained before", file=sys.stderr, flush=True)
    failed: list[Run] = []
    with ProgressLine("training", len(pending)) as line:
        for done, run in enumerate(pending, start=1):
            line.update(description=f"training {run.name}")
            start = time.monotonic()
            problem = train_run(run, ladder, script)
            took = timedelta(seconds=round(time.monotonic() - start))
            result = f"trained in {took}"
            if problem:
                failed.append(run)
                result = f"failed after {took}: {problem}\n{_end_of(run.log)}"
            print(f"{run.name}: {result}", file=sys.stderr, flush=True)
            line.update(done)
    return failed


def train_run(run: Run, ladder: Ladder, script: str) -> str | None:
    """Train one run, from its last checkpoint if there is one; return the problem or None."""
    resumed = run.started
    run.record(ladder.settings())
    code = _call(run, ladder, script, resumed)
    if resumed and code == 0 and run.summary() is None:
        # Interrupted after its last checkpoint but before its summary: nothing was left to train,
        # so nothing was validated.
        code = _call(run, ladder, script, resume=False)
    if code:
        return f"exit code {code}"
    if run.summary() is None:
        return "it wrote no summary.json; the config needs a validation and a SummaryHook"
    return None


def _call(run: Run, ladder: Ladder, script: str, resume: bool) -> int:
    command = [sys.executable, script, run.config, "--work-dir", run.folder]
    command += ["--seed", str(run.seed)]
    command += ["--resume"] if resume else []
    command += ["--cfg-options", *ladder.options] if ladder.options else []
    with open(run.log, "a", encoding="utf-8") as log:
        # `run` also ends the child if this process is interrupted.
        return subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode


def _end_of(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().rstrip().splitlines()[-SHOWN_LINES:]
    return "\n".join(f"    {line}" for line in lines)
