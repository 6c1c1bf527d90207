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


def outside(module, name=""):
    """Whether a module or name left the package."""
    places = [new for (old, new), names in moved.NAMES.items() if name in names]
    place = moved.new_place(module.partition(".")[2])
    return (place or "").startswith(moved.OUTSIDE) or any(
        place.startswith(moved.OUTSIDE) for place in places
    )


@pytest.fixture(autouse=True)
def _as_before():
    """Remove the aliases, and the attributes they set, after each test."""
    before = dict(sys.modules)
    attributes = {name: dict(vars(module)) for name, module in before.items() if ours(name)}
    yield
    for name in {*sys.modules} - {*before}:
        if ours(name) and moved.new_place(name.partition(".")[2]) is not None:
            del sys.modules[name]
    for name, values in attributes.items():
        for each in {*vars(before[name])} - {*values}:
            delattr(before[name], each)
        assert all(vars(before[name])[each] is value for each, value in values.items()), name


def ours(name):
    return name.partition(".")[0] == "mtl_plugins"


@pytest.mark.parametrize("module", OLD)
def test_old_module_paths_work(module):
    place = moved.new_place(module.partition(".")[2])
    if outside(module):
        with pytest.raises(ImportError, match=rf"no longer part .*{moved.OUTSIDE}dev"):
            import_module(module)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = import_module(module)
    if place is not None:
        assert found is import_module(f"mtl_plugins.{place}")
        told = [str(w.message) for w in caught if w.category is DeprecationWarning]
        assert any(f"{module} has moved to mtl_plugins.{place};" in text for text in told)
        assert {w.filename for w in caught} <= {__file__, import_module.__code__.co_filename}


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
        assert values[name] is getattr(import_module(module), name)


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
    for old in (*moved.MODULES, *moved.SEVERAL):
        path = Path(ROOT, "mtl_plugins", *old.split("."))
        assert not path.with_suffix(".py").exists() and not (path / "__init__.py").exists(), old
