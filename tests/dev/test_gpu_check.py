"""The program that checks GPUs runs to its end at tiny sizes, and loses nothing when cut short."""

from __future__ import annotations

import json

import pytest
from dev.gpu import Settings, cases, supervise

from tests.commands import call
from tests.conftest import ROOT

COMMAND = "dev/commands/gpu_check.py"
ELSEWHERE = {
    "tests", "onnx", "losses_and_bins", "evaluation_against_mmseg", "runner", "cpu_losses",
}  # fmt: skip
"""Cases that call pytest, the export, or rows of the benchmark, which have tests of their own, and
the one that `against_cpu` runs."""


def gpu_check(out, names, budget=600.0, limit=None):
    """Watch a new process that runs cases on the CPU at tiny sizes; return the exit code."""
    return supervise(Settings(ROOT, str(out), "cpu", quick=True), names, False, budget, limit)


def lines(text):
    """Read the results, one a line, among what the cases print."""
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"case"')]


@pytest.mark.slow
def test_every_case_runs(tmp_path):
    """In a fork of this process, which has imported everything."""
    names = [case.name for case in cases() if case.name not in ELSEWHERE]
    options = ["--worker", "--device", "cpu", "--quick", "--out", tmp_path, "--cases", *names]
    found = {line["case"]: line for line in lines(call(COMMAND, *options).stdout)}
    assert [*found] == names
    bad = [line for line in found.values() if line["status"] not in ("passed", "skipped")]
    assert not bad
    assert found["against_cpu"]["measured"]["float32_first"] < 1e-6
    assert found["resume"]["measured"]["deterministic_largest_difference"] == 0


@pytest.mark.slow
def test_a_case_that_takes_too_long_is_stopped_and_a_finished_one_is_kept(tmp_path, capsys):
    assert gpu_check(tmp_path, ["environment", "precision"], limit=0.5) == 1
    kept = (tmp_path / "results.jsonl").read_text()
    assert [line["status"] for line in lines(kept)] == ["skipped", "timeout"]
    assert "TIMEOUT precision" in capsys.readouterr().out
    # The finished case does not run again.
    assert gpu_check(tmp_path, ["environment"]) == 0
    assert (tmp_path / "results.jsonl").read_text() == kept


def test_cases_that_are_not_reached_are_listed(tmp_path, capsys):
    assert gpu_check(tmp_path, ["resume"], budget=0) == 1
    assert "NOT REACHED resume: 0 s are over" in capsys.readouterr().out


def test_an_unknown_case_is_named(tmp_path):
    result = call(COMMAND, "--out", tmp_path, "--cases", "evaluatoin", check=False)
    assert result.returncode == 2
    assert "no case 'evaluatoin'" in result.stdout and "precision" in result.stdout
