"""Every module, public name and registered class of version 0.1 keeps its import path."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

import mtl_plugins
from mtl_plugins.install import moved
from tests.conftest import ROOT

LINES = Path(__file__).with_name("names_of_0_1.txt").read_text(encoding="utf-8").splitlines()
NAMES = {line.partition(":")[0]: line.partition(":")[2].split() for line in LINES}
"""Module -> what its `__all__` listed and the classes that it registered."""


def left(path):
    """Whether a path, or the package around it, is no longer part of the package."""
    return any(f"{path}.".startswith(f"{each}.") for each in moved.OUTSIDE)


@pytest.fixture(autouse=True)
def _as_before():
    """Remove the aliases, and the attributes they set, after each test."""
    before = dict(sys.modules)
    attributes = {name: dict(vars(before[name])) for name in before if ours(name)}
    yield
    for name in {*sys.modules} & moved.OLD:
        del sys.modules[name]
    for name, values in attributes.items():
        for each in {*vars(before[name])} - {*values}:
            delattr(before[name], each)
        vars(before[name]).update(values)


def ours(name):
    return name.partition(".")[0] == "mtl_plugins" and name not in moved.OLD


@pytest.mark.parametrize("module", NAMES)
def test_old_module_paths_work(module):
    if left(module):
        with pytest.raises(ImportError, match=r"no longer part .*(tools/dev|examples)"):
            import_module(module)
    else:
        assert import_module(module).__name__ == module


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in NAMES.items() for name in names]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_names_work(module, name):
    path = f"{module}.{name}"
    if left(path) or path in moved.GONE:
        with pytest.raises(ImportError, match=r"no longer part|is gone: "):
            exec(f"from {module} import {name}", {})
        return
    values: dict = {}
    exec(f"from {module} import {name}", values)
    if getattr(values[name], "__module__", "").startswith("mtl_plugins."):
        assert values[name].__name__.rpartition(".")[2] == name


def test_names_of_kinds_of_target_say_what_replaces_them():
    with pytest.raises(ImportError, match="a target is declared in the config of its data set"):
        exec("from mtl_plugins.targets import register_target", {})


def test_the_warning_names_the_new_place():
    with pytest.warns(DeprecationWarning, match=r"moved to mtl_plugins\.config\.load") as caught:
        from mtl_plugins.engine import load_config
    assert {each.filename for each in caught} == {__file__}
    assert load_config is mtl_plugins.load_config
    with pytest.raises(ImportError, match="cannot import name 'load_confg'"):
        from mtl_plugins.engine import load_confg  # noqa: F401


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_of_two_names_the_one_of_the_same_folder_is_found():
    from mtl_plugins.engine import ladder, sweep

    assert ladder.write_report.__module__.startswith("mtl_plugins.studies.ladder.")
    assert sweep.write_report.__module__.startswith("mtl_plugins.studies.sweep.")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_old_module_replaces_no_function_of_its_name():
    scores = mtl_plugins.evaluation.class_scores
    import_module("mtl_plugins.evaluation.class_scores")
    import_module("mtl_plugins.engine.build")
    assert mtl_plugins.evaluation.class_scores is scores
    assert mtl_plugins.engine.build is mtl_plugins.build


def test_old_modules_are_attributes_of_the_package():
    with pytest.warns(DeprecationWarning, match=r"mtl_plugins\.structures\.DEPTH has moved"):
        assert mtl_plugins.structures.DEPTH is mtl_plugins.targets.DEPTH
    with pytest.warns(DeprecationWarning, match=r"models\.heads\.JointHead has moved"):
        assert mtl_plugins.models.heads.JointHead.__name__ == "JointHead"
    with pytest.warns(DeprecationWarning, match=r"engine\.build has moved"):
        assert mtl_plugins.engine.build is mtl_plugins.build


def test_the_table_lists_only_paths_that_are_gone():
    for old in moved.OLD:
        path = Path(ROOT, *old.split("."))
        assert not path.with_suffix(".py").exists() and not (path / "__init__.py").exists(), old
