"""The program that checks GPUs runs to its end at tiny sizes, and loses nothing when cut short."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = os.path.join(ROOT, "tools", "dev", "commands", "gpu_check.py")

ELSEWHERE = {"tests", "onnx", "losses_and_bins", "evaluation_against_mmseg", "runner"}
"""Cases that call pytest, the export, or rows of the benchmark, which have tests of their own."""


def gpu_check(out, *arguments):
    """Run the program on the CPU at tiny sizes."""
    command = [sys.executable, PROGRAM, "--device", "cpu", "--quick", "--out", str(out)]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, env=environment, timeout=600
    )


def lines(out):
    """Read the results, one a line."""
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the cases, without pytest in pytest and what other tests run at such sizes."""
    out = tmp_path_factory.mktemp("gpu_check")
    names = gpu_check(out, "--cases", "nothing").stdout
    cases = [name.strip(" .\n") for name in names.partition("choose from ")[2].split(",")]
    assert len(cases) >= 18
    return out, gpu_check(out, "--cases", *[name for name in cases if name not in ELSEWHERE]), cases


def test_every_case_runs(ran):
    out, done, cases = ran
    found = {line["case"]: line for line in lines(out)}
    assert {*found} == {*cases} - ELSEWHERE, done.stdout
    bad = {
        name: line for name, line in found.items() if line["status"] not in ("passed", "skipped")
    }
    assert not bad and done.returncode == 0, done.stdout
    assert found["precision"]["measured"]["float32_first"] < 1e-6
    assert found["resume"]["measured"]["deterministic_largest_difference"] == 0


def test_a_finished_case_does_not_run_again(ran):
    out, _, _ = ran
    before = lines(out)
    done = gpu_check(out, "--cases", "evaluation")
    assert done.returncode == 0 and lines(out) == before


def test_a_case_that_takes_too_long_is_stopped_and_the_next_one_runs(tmp_path):
    done = gpu_check(tmp_path, "--cases", "environment", "precision", "cpu_losses", "--limit", "1")
    found = {line["case"]: line["status"] for line in lines(tmp_path)}
    assert found["environment"] == "skipped" and found["precision"] == "timeout"
    assert done.returncode == 1 and "stopped after 1 s" in done.stdout


def test_cases_that_are_not_reached_are_listed(tmp_path):
    done = gpu_check(tmp_path, "--cases", "resume", "--budget", "0")
    assert done.returncode == 1 and "NOT REACHED resume: 0 s are over" in done.stdout
