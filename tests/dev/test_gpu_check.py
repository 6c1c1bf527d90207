"""The program that checks GPUs runs to its end at tiny sizes, and loses nothing when cut short."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = os.path.join(ROOT, "tools", "dev", "commands", "gpu_check.py")


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
    """Run every case but the one that runs pytest, which would run this one."""
    out = tmp_path_factory.mktemp("gpu_check")
    names = gpu_check(out, "--cases", "nothing").stdout
    cases = [name.strip(" .\n") for name in names.partition("choose from ")[2].split(",")]
    assert len(cases) >= 18
    return out, gpu_check(out, "--cases", *[name for name in cases if name != "tests"]), cases


def test_every_case_runs(ran):
    out, done, cases = ran
    found = {line["case"]: line for line in lines(out)}
    assert {*found} == {*cases} - {"tests"}, done.stdout
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


def test_a_case_that_is_cut_short_keeps_what_it_measured(tmp_path):
    done = gpu_check(tmp_path, "--cases", "balancers", "resume", "--budget", "14")
    found = {line["case"]: line for line in lines(tmp_path)}
    assert done.returncode == 1 and found["balancers"]["status"] in ("timeout", "passed")
    assert "NOT REACHED resume" in done.stdout or found["resume"]["status"] == "timeout"
