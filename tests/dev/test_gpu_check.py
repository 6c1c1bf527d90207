"""The program that checks GPUs runs to its end at tiny sizes, and loses nothing when cut short."""

from __future__ import annotations

import json

import pytest
from dev.gpu import Settings, cases, supervise

from tests.commands import call
from tests.conftest import ROOT

ELSEWHERE = {
    "tests", "onnx", "losses_and_bins", "evaluation_against_mmseg", "runner", "cpu_losses",
}  # fmt: skip
"""Cases that call pytest, the export, or rows of the benchmark, which have tests of their own, and
the one that `precision` runs."""


def gpu_check(out, names, again=False, budget=600.0, limit=None):
    """Run cases on the CPU at tiny sizes; return the exit code."""
    settings = Settings(ROOT, str(out), "cpu", quick=True)
    return supervise(settings, names, again, budget, limit)


def lines(out):
    """Read the results, one a line."""
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run all cases that no other test covers at such sizes; return their folder and the code."""
    out = tmp_path_factory.mktemp("gpu_check")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        return out, gpu_check(out, [case.name for case in cases() if case.name not in ELSEWHERE])


def test_every_case_runs(ran):
    out, code = ran
    found = {line["case"]: line for line in lines(out)}
    assert {*found} == {case.name for case in cases()} - ELSEWHERE
    bad = [line for line in found.values() if line["status"] not in ("passed", "skipped")]
    assert not bad and code == 0
    assert found["precision"]["measured"]["float32_first"] < 1e-6
    assert found["resume"]["measured"]["deterministic_largest_difference"] == 0


def test_a_finished_case_does_not_run_again(ran):
    out, _ = ran
    before = lines(out)
    assert gpu_check(out, ["evaluation", "resume"]) == 0 and lines(out) == before


def test_a_case_that_takes_too_long_is_stopped(tmp_path, capsys):
    assert gpu_check(tmp_path, ["precision"], limit=0.5) == 1
    [line] = lines(tmp_path)
    assert line["status"] == "timeout" and "TIMEOUT precision" in capsys.readouterr().out


def test_cases_that_are_not_reached_are_listed(tmp_path, capsys):
    assert gpu_check(tmp_path, ["resume"], budget=0) == 1
    assert "NOT REACHED resume: 0 s are over" in capsys.readouterr().out


def test_an_unknown_case_is_named(tmp_path):
    result = call(
        "dev/commands/gpu_check.py", "--out", str(tmp_path), "--cases", "evaluatoin", check=False
    )
    assert result.returncode == 2
    assert "no case 'evaluatoin'" in result.stdout and "precision" in result.stdout
