"""The template project: complete, its tests pass at once, its names collide with nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from mtl_plugins.config import registered_types
from mtl_plugins.errors import ConfigError
from mtl_plugins.new_plugin import main, new_plugin
from mtl_plugins.targets import DENSE_TARGETS
from tests.conftest import ROOT

LONGEST = "abcdefghijklmnopqrstuvwx"


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True, text=True, cwd=cwd, timeout=120, env=dict(os.environ, PYTHONPATH=ROOT),
    )  # fmt: skip


def test_a_new_project_passes_its_own_tests(tmp_path):
    kinds, types = set(DENSE_TARGETS), set(registered_types())
    project = new_plugin("gloss", tmp_path / "projects" / "my gloss")
    assert sorted(p.relative_to(project).as_posix() for p in project.rglob("*.*")) == [
        "README.md", "configs/gloss.py", "gloss/__init__.py", "gloss/format.py", "gloss/head.py",
        "gloss/loss.py", "gloss/metric.py", "gloss/target.py", "pyproject.toml",
        "tests/test_gloss.py",
    ]  # fmt: skip
    result = run("pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert result.returncode == 0, result.stdout
    assert "7 passed" in result.stdout
    # Writing a project registers nothing.
    assert set(DENSE_TARGETS) == kinds and set(registered_types()) == types


@pytest.mark.parametrize("name", ["x", LONGEST])
def test_ruff_finds_nothing_whatever_the_name(tmp_path, name):
    project = new_plugin(name, tmp_path / "project")
    for arguments in (["check"], ["format", "--check"]):
        result = run("ruff", *arguments, "--no-cache", ".", cwd=project)
        assert result.returncode == 0, result.stdout
    assert not any("{{" in path.read_text() for path in project.rglob("*.*"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Gloss", "no identifier in lower case"),
        ("my-task", "no identifier"),
        ("class", "no identifier"),
        ("", "no identifier"),
        (LONGEST + "y", "at most 24"),
        ("torch", "module that is there"),
        ("depth", "a kind of target already"),
        ("multitask", "a kind of target already"),
        ("lovasz", "LovaszLoss would be called as a class"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path, name, reason):
    with pytest.raises(ConfigError, match=reason):
        new_plugin(name, tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_what_exists_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["new_plugin", "gloss"])
    main()
    assert "python -m pytest" in capsys.readouterr().out
    (tmp_path / "gloss" / "README.md").write_text("mine")
    with pytest.raises(SystemExit, match=r"gloss exists; give a new folder with --out"):
        main()
    assert (tmp_path / "gloss" / "README.md").read_text() == "mine"


def test_help_answers_at_once_with_an_example(tmp_path):
    start = time.perf_counter()
    result = run("mtl_plugins.new_plugin", "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "example:\n  python -m mtl_plugins.new_plugin shading" in result.stdout
    # Seconds would mean that torch was imported.
    assert time.perf_counter() - start < 2.5
