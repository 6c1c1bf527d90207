"""One process that runs cases, and one that watches it.

The cases share a process, which imports and initialises everything once. One that crashes it or
outlasts its limit costs that process; the next case gets a new one.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .case import Case, Findings, Result, Settings, Skipped, cases

RESULTS, LOG = "results.jsonl", "log.txt"
STARTED, PARTIAL = "started", "partial"
START_UP = 240
"""Seconds that a process may take to import everything."""

ENVIRONMENT = dict(
    CUBLAS_WORKSPACE_CONFIG=":4096:8",  # without it cuBLAS cannot be deterministic
    PYTHONUNBUFFERED="1",
)


def run_worker(settings: Settings, names: Sequence[str]) -> None:
    """Run cases one after the other, and write a line of JSON to stdout as each begins and ends."""
    # Whatever cases print goes to the log; only results go to the pipe.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Asked before it is killed, the process says in the log where it was.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    found = {each.name: each for each in cases()}
    made = conditions(settings)

    def say(name: str, status: str, measured: dict[str, Any]) -> None:
        message = Result(name, status, 0.0, made, measured).to_json()
        print(json.dumps(message, default=float), file=pipe, flush=True)

    for name in names:
        say(name, STARTED, {})
        findings = Findings(partial(say, name, PARTIAL))
        result = _run(found[name], settings, findings, made)
        print(json.dumps(result.to_json(), default=float), file=pipe, flush=True)


def conditions(settings: Settings) -> dict[str, Any]:
    """Return machine and versions, under which results can be compared."""
    import torch

    card = torch.cuda.get_device_name() if settings.device == "cuda" else "CPU"
    return dict(
        card=card,
        torch=torch.__version__,
        cuda=torch.version.cuda,
        python=sys.version.split()[0],
        cores=len(os.sched_getaffinity(0)),
        quick=settings.quick,
    )


def _run(case: Case, settings: Settings, findings: Findings, made: dict[str, Any]) -> Result:
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    torch.manual_seed(0)
    begin, messages = time.perf_counter(), []
    try:
        case.run(settings, findings)
        status = "failed" if findings.failures else "passed"
        messages = findings.failures
    except Skipped as reason:
        status, messages = "skipped", [str(reason)]
    except Exception as error:
        traceback.print_exc()
        status = "error"
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(last.filename)}:{last.lineno}"
        messages = [*findings.failures, f"{type(error).__name__} in {place}: {error}"[:1500]]
    seconds = time.perf_counter() - begin
    return Result(case.name, status, round(seconds, 2), made, findings.measured, messages)


def supervise(
    settings: Settings,
    names: Sequence[str] | None,
    again: bool,
    budget: float,
    limit: float | None = None,
) -> int:
    """Run cases in processes that are watched; return 0 where none failed.

    Args:
        settings: passed on to the processes.
        names: the cases; None: all.
        again: run those that have a result as well.
        budget: seconds for all of them; cases that were not reached are listed as such.
        limit: seconds for each case; None: its own limit.
    """
    begin = time.perf_counter()
    os.makedirs(settings.out, exist_ok=True)
    found = cases()
    unknown = sorted(set(names or ()) - {each.name for each in found})
    if unknown:
        print(f"There is no case {unknown[0]!r}; choose from {', '.join(c.name for c in found)}.")
        return 2
    wanted = [each for each in found if not names or each.name in names]
    wanted = [replace(each, limit=limit or each.limit) for each in wanted]
    done = {} if again else finished(settings)
    results = [done[each.name] for each in wanted if each.name in done]
    left = [each for each in wanted if each.name not in done]
    while left and (rest := budget - (time.perf_counter() - begin)) > 0:
        for result in _watched(settings, left, rest):
            results.append(result)
            left = [each for each in left if each.name != result.case]
            with open(os.path.join(settings.out, RESULTS), "a", encoding="utf-8") as file:
                file.write(json.dumps(result.to_json()) + "\n")
            print(_lines(result), flush=True)
    for each in left:
        print(f"NOT REACHED {each.name}: {budget:.0f} s are over")
    counts = {r.status: sum(o.status == r.status for o in results) for r in results}
    print(
        f"{time.perf_counter() - begin:.0f} s: " + ", ".join(f"{n} {k}" for k, n in counts.items())
    )
    return int(bool(left) or any(r.status not in ("passed", "skipped") for r in results))


def finished(settings: Settings) -> dict[str, Result]:
    """Return the last results of the cases that need not run again."""
    path = os.path.join(settings.out, RESULTS)
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        results = [Result(**json.loads(line)) for line in file]
    last = {result.case: result for result in results if result.made["quick"] == settings.quick}
    return {name: result for name, result in last.items() if result.status in ("passed", "skipped")}


def _watched(settings: Settings, left: Sequence[Case], rest: float) -> Iterator[Result]:
    """Yield the results of one process, until it has run all cases, crashed or taken too long."""
    limits = {each.name: each.limit for each in left}
    command = [
        sys.executable,
        os.path.join(settings.root, "tools", "dev", "commands", "gpu_check.py"),
    ]
    command += ["--worker", "--out", settings.out, "--device", settings.device, "--cases", *limits]
    command += ["--quick"] if settings.quick else []
    over = time.monotonic() + rest
    with open(os.path.join(settings.out, LOG), "ab") as log:
        worker = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=ENVIRONMENT | os.environ,
            start_new_session=True, bufsize=0,
        )  # fmt: skip
    running, begin, limit, read = left[0].name, time.monotonic(), START_UP + left[0].limit, b""
    made: dict[str, Any] = dict(quick=settings.quick)
    measured: dict[str, Any] = {}
    try:
        while True:
            wait = min(begin + limit, over) - time.monotonic()
            line, read = _line(worker, read, wait)
            if line is None:
                late = time.monotonic() >= min(begin + limit, over)
                status = "timeout" if late else "crashed"
                what = f"stopped after {time.monotonic() - begin:.0f} s" if late else "it ended"
                if late or running:
                    taken = round(time.monotonic() - begin, 2)
                    yield Result(running, status, taken, made, measured, [what])
                return
            message = json.loads(line)
            made, measured = message["made"], message["measured"]
            if message["status"] == STARTED:
                running, begin = message["case"], time.monotonic()
                limit = limits[running]
            elif message["status"] != PARTIAL:
                yield Result(**message)
                running = ""
                begin, limit = time.monotonic(), START_UP
                if message["case"] == left[-1].name:
                    return
    finally:
        _kill(worker, patience=0 if running else 5)


def _line(worker: subprocess.Popen, read: bytes, wait: float) -> tuple[bytes | None, bytes]:
    """Return the next line and what was read behind it; None: there is none within `wait`."""
    import select

    assert worker.stdout is not None  # it is a pipe
    stop = time.monotonic() + wait
    while b"\n" not in read:
        ready, _, _ = select.select([worker.stdout], [], [], max(0.0, stop - time.monotonic()))
        if not ready:
            return None, read
        chunk = os.read(worker.stdout.fileno(), 1 << 16)
        if not chunk:
            return None, read
        read += chunk
    line, _, behind = read.partition(b"\n")
    return line, behind


def _kill(worker: subprocess.Popen, patience: float) -> None:
    try:
        worker.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        worker.send_signal(signal.SIGUSR1)
        time.sleep(1)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def _lines(result: Result) -> str:
    measured = ", ".join(f"{name}={_short(value)}" for name, value in result.measured.items())
    text = f"{result.status.upper()} {result.case} ({result.seconds:.0f} s): {measured}"
    return "\n    ".join([text, *result.messages])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
