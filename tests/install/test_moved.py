"""Every module and public name of version 0.1 can be imported from its old path."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from mtl_plugins.install import moved
from tests.conftest import ROOT

LINES = Path(__file__).with_name("names_of_0_1.txt").read_text(encoding="utf-8").splitlines()
OLD = {line.partition(":")[0]: line.partition(":")[2].split() for line in LINES}
"""Module -> what its `__all__` listed."""


GONE = {f"mtl_plugins.engine:{name}" for names in moved.GONE.values() for name in names.split()}


def outside(module, name=""):
    """Whether a module or name left the package."""
    places = moved.new_places(module.partition(".")[2])
    return f"{module}:{name}" in GONE or any(each.startswith(moved.OUTSIDE) for each in places)


@pytest.fixture(autouse=True)
def _as_before():
    """Remove the aliases, and the attributes they set, after each test."""
    before = dict(sys.modules)
    attributes = {name: dict(vars(module)) for name, module in before.items() if ours(name)}
    yield
    for name in {*sys.modules} - {*before}:
        if ours(name) and moved.new_places(name.partition(".")[2]):
            del sys.modules[name]
    for name, values in attributes.items():
        for each in {*vars(before[name])} - {*values}:
            delattr(before[name], each)
        assert all(vars(before[name])[each] is value for each, value in values.items()), name


def ours(name):
    return name.partition(".")[0] == "mtl_plugins"


@pytest.mark.parametrize("module", OLD)
def test_old_module_paths_work(module):
    places = moved.new_places(module.partition(".")[2])
    if outside(module):
        with pytest.raises(ImportError, match=rf"no longer part .*{moved.OUTSIDE}dev"):
            import_module(module)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import_module(module)
    if places:
        # Other packages warn, too.
        ours_alone = [w for w in caught if "has moved to mtl_plugins" in str(w.message)]
        expected = f"{module} has moved to mtl_plugins.{places[0]}"
        assert any(expected in str(w.message) for w in ours_alone)
        assert {w.category for w in ours_alone} == {DeprecationWarning}
        files = {w.filename for w in ours_alone}
        assert files <= {__file__, import_module.__code__.co_filename}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in OLD.items() for name in names]
)
def test_old_public_names_work(module, name):
    if outside(module, name):
        with pytest.raises(ImportError, match="no longer part"):
            exec(f"from {module} import {name}", {})
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        values: dict = {}
        exec(f"from {module} import {name}", values)
        for place in moved.new_places(module.partition(".")[2]):
            home = import_module(f"mtl_plugins.{place}")
            assert values[name] is getattr(home, name, values[name])


def test_the_warning_names_the_new_place():
    with pytest.warns(DeprecationWarning, match=r"moved to mtl_plugins\.config;") as caught:
        from mtl_plugins.engine import load_config
    assert caught[0].filename == __file__
    import mtl_plugins

    assert load_config is mtl_plugins.load_config
    with pytest.raises(ImportError, match="cannot import name 'load_confg'"):
        from mtl_plugins.engine import load_confg  # noqa: F401


def test_a_moved_module_replaces_no_function_of_its_name():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import_module("mtl_plugins.engine.ladder.study")
        import_module("mtl_plugins.engine.build")
        from mtl_plugins.engine import build
        from mtl_plugins.studies.ladder import study
    assert callable(study) and callable(build)


def test_an_old_module_has_the_names_of_files_that_were_merged():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from mtl_plugins.engine.cost_table import COLUMNS
        from mtl_plugins.engine.process_memory import STATUS

        from mtl_plugins.costs import cost_table

        assert COLUMNS is cost_table.__globals__["COLUMNS"] and STATUS == "/proc/self/status"
        with pytest.raises(ImportError, match="cannot import name 'NOTHING'"):
            from mtl_plugins.engine.process_memory import NOTHING  # noqa: F401


def test_old_modules_are_attributes_of_the_package():
    script = """
import mtl_plugins
assert mtl_plugins.structures.DEPTH is mtl_plugins.structures.DENSE_TARGETS["depth"]
assert mtl_plugins.models.heads.JointHead.__name__ == "JointHead"
assert mtl_plugins.engine.build is mtl_plugins.build
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT,
        env=dict(os.environ, PYTHONPATH=ROOT),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "DeprecationWarning: mtl_plugins.structures has moved" in result.stderr


def test_the_table_lists_only_paths_that_are_gone():
    old_modules = [
        f"{package}.{name}" for package, _, names in moved.MOVED for name in names.split()
    ]
    for old in old_modules:
        path = Path(ROOT, "mtl_plugins", *old.strip(".").split("."))
        assert not path.with_suffix(".py").exists() and not (path / "__init__.py").exists(), old
