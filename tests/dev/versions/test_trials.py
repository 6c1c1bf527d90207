"""Stacks of versions: counts, results that are kept, and the table."""

from __future__ import annotations

import runpy
import sys

import pytest
import setuptools
from dev.versions import STACKS, Stack, Trial, chosen_stacks, report_trials, try_stacks
from dev.versions.trials import run_suite, versions_table
from packaging.requirements import Requirement

from mtl_plugins.errors import ConfigError, MTLError
from tests.conftest import ROOT

SUITE = """
import pytest
def test_passes(): pass
def test_passes_too(): pass
def test_fails(): assert 0
def test_breaks(nothing_of_that_name): pass
@pytest.mark.skip
def test_waits(): pass
"""
WORKS = Trial("onedl", "tests/models", "3.11.7", {"torch": "2.13.0", "abc": "1"}, 8, 0, 1, 60.4)


def test_a_suite_is_counted_as_pytest_counts_it(tmp_path):
    (tmp_path / "test_it.py").write_text(SUITE)
    counts = run_suite(sys.executable, tmp_path, ["-p", "no:xdist", str(tmp_path)])
    assert counts.pop("seconds") > 0
    assert counts == dict(passed=2, failed=2, skipped=1)
    assert "test_breaks" in (tmp_path / "pytest.log").read_text()


def test_a_suite_that_was_killed_has_no_counts(tmp_path):
    (tmp_path / "test_it.py").write_text("import os\ndef test(): os._exit(9)\n")
    assert "pytest was ended" in run_suite(sys.executable, tmp_path, [str(tmp_path)])["error"]


def test_a_failed_installation_is_reported_and_kept_results_are_in_the_table(tmp_path, capsys):
    WORKS.write(str(tmp_path))
    trials = try_stacks([STACKS["onedl"], Stack("old", "2.5")], str(tmp_path), ["tests/models"])
    assert trials[0] == WORKS and trials[1].error.startswith("cannot be installed")
    assert not (tmp_path / "onedl").exists()
    assert Trial.read(str(tmp_path), "old") == trials[1]
    assert (tmp_path / "versions.md").read_text() == versions_table([WORKS]).markdown() + "\n"
    with pytest.raises(MTLError, match=r"^old: not every test passed"):
        report_trials(trials, str(tmp_path))
    assert "onedl: 8 passed, 0 failed, 1 skipped in 60 s\nold: cannot" in capsys.readouterr().out


def test_a_row_shows_the_installed_versions():
    old = Trial("old", "", "3.10", error="a\n|b")
    assert versions_table([WORKS, old]).markdown().splitlines()[2:] == [
        "| onedl | 3.11.7 | torch 2.13.0 | `tests/models` | 8 | 0 | 1 | 60 |",
        "| old | 3.10 | a \\|b | all | - | - | - | - |",
    ]


@pytest.mark.parametrize("trial", [Trial("a", "", passed=3, failed=1), Trial("a", "", skipped=3)])
def test_failures_and_skips_alone_do_not_work(trial):
    assert WORKS.works and not trial.works


def test_an_unknown_stack_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean onedl"):
        chosen_stacks(["onedel"])


def test_every_requirement_has_a_lower_bound(monkeypatch):
    """Without one, the stack of lower bounds would take the oldest release of all."""
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    for line in sum(given["extras_require"].values(), given["install_requires"]):
        assert any(each.operator == ">=" for each in Requirement(line).specifier), line
