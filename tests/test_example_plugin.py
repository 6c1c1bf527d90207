"""The example of a plugin passes its own tests, and mtl_plugins finds it once it is installed."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import runpy
import sys
from pathlib import Path

import pytest
from mmseg.registry import METRICS, MODELS

from mtl_plugins.config import registered_types
from mtl_plugins.evaluation import measure
from mtl_plugins.install import plugins
from tests.conftest import ROOT
from tests.install.test_plugins import install

EXAMPLE = Path(ROOT, "examples", "plugin")
TESTS = EXAMPLE / "tests" / "test_shares.py"
FUNCTIONS = [
    node
    for node in ast.parse(TESTS.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


@pytest.fixture
def path(monkeypatch):
    """Have the example on Python's path, and take away what it registers."""
    declared = dict(measure._DECLARED)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield
    sys.modules.pop("shares", None)
    measure._DECLARED.clear()
    measure._DECLARED.update(declared)
    for registry in (METRICS, MODELS):
        for name, item in [*registry.module_dict.items()]:
            if item.__module__ == "shares":
                del registry.module_dict[name]


def calls(function):
    """Return the arguments of each call of a test: those that its decorators list."""
    for mark in getattr(function, "pytestmark", ()):
        name, values = mark.args
        return [{name: value} for value in values]
    return [{}]


@pytest.mark.parametrize("name", [node.name for node in FUNCTIONS])
@pytest.mark.usefixtures("path")
def test_the_example_passes_its_own_tests(name, request):
    function = runpy.run_path(str(TESTS))[name]
    for given in calls(function):
        fixtures = set(inspect.signature(function).parameters) - set(given)
        function(**given, **{each: request.getfixturevalue(each) for each in fixtures})


@pytest.mark.usefixtures("path")
def test_its_examples_run():
    import shares

    results = doctest.testmod(shares)
    assert results.attempted and not results.failed


def test_its_entry_point_registers_it(path, tmp_path, monkeypatch):
    project = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    [(name, module)] = re.findall(
        rf'^\[project\.entry-points\."{plugins.GROUP}"\]\n(\w+) = "(\w+)"$', project, re.MULTILINE
    )
    assert name == module == "shares" and f'py-modules = ["{module}"]' in project
    # As pip lays it down, with the module where pip would leave it.
    text = (EXAMPLE / f"{module}.py").read_text(encoding="utf-8")
    install(tmp_path, "mtl_shares", "0.1.0", module, text)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "ShareHead" not in registered_types()
    assert plugins.Plugin("mtl_shares 0.1.0", module) in plugins.load_plugins()
    assert {"ShareHead", "ShareLoss", "WetnessMetric"} <= registered_types().keys()
    monkeypatch.undo()
    plugins.load_plugins()
