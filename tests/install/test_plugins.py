"""Packages that register themselves, and names that collide with nothing."""

from __future__ import annotations

import sys

import mmengine.registry
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import Registry

from mtl_plugins import info
from mtl_plugins.checkpoints import CheckpointError
from mtl_plugins.config import stored_config
from mtl_plugins.datasets.formats import FORMATS, build_format
from mtl_plugins.install import plugins
from mtl_plugins.targets import Target
from tests.models.test_registry import registered


def install(site, name, version, module, text):
    """Lay a package and its metadata down as pip does."""
    site.joinpath(f"{module}.py").write_text(text)
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{module} = {module}\n")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    monkeypatch.undo()
    for name in ("seen_by_mtl", "broken_by_mtl", "leaving_mtl"):
        sys.modules.pop(name, None)
    FORMATS.module_dict.pop("SeenFormat", None)
    plugins.load_plugins()


FORMAT = """
from dataclasses import dataclass

from mtl_plugins.datasets import FORMATS, ValueFormat


@FORMATS.register_module()
@dataclass(frozen=True)
class SeenFormat(ValueFormat):
    scale: float = 3.0
"""


def test_an_installed_package_registers_itself(site):
    install(site, "seen-package", "1.2", "seen_by_mtl", FORMAT)
    assert plugins.Plugin("seen-package 1.2", "seen_by_mtl") in plugins.load_plugins()
    height = Target("height", "scalar")
    assert build_format(height, dict(type="SeenFormat"), "height")(np.array([[2]])) == 6
    assert ("plugin", "seen_by_mtl of seen-package 1.2: works") in info.collect_info()
    # A checkpoint that names the plugin can be read: the plugin is imported already.
    model = dict(
        type="MultiTaskSegmentor", decode_head=dict(type="JointHead", task_heads=dict(a={}))
    )
    text = Config(dict(custom_imports=dict(imports=["seen_by_mtl"]), model=model)).pretty_text
    assert stored_config(dict(meta=dict(cfg=text)), "a.pth").model.decode_head.type == "JointHead"
    other = text.replace("seen_by_mtl", "os")
    with pytest.raises(CheckpointError, match="the module 'os'"):
        stored_config(dict(meta=dict(cfg=other)), "a.pth")


def test_a_broken_plugin_is_reported_and_the_others_are_imported(site):
    install(site, "broken-package", "0.1", "broken_by_mtl", "import no_such_module_anywhere\n")
    install(site, "leaving-package", "0.1", "leaving_mtl", "raise SystemExit('bye')\n")
    install(site, "seen-package", "1.2", "seen_by_mtl", FORMAT)
    problem = "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    with pytest.warns(UserWarning) as warnings:
        plugins.load_plugins()
    texts = [str(warning.message) for warning in warnings]
    assert any(
        "'broken_by_mtl' of broken-package 0.1 cannot be" in t and problem in t for t in texts
    )
    assert any("'leaving_mtl' of leaving-package 0.1" in t and "bye" in t for t in texts)
    rows = [*info.collect_info()]
    assert ("plugin", f"broken_by_mtl of broken-package 0.1: fails: {problem}") in rows
    # The others are still imported.
    assert ("plugin", "seen_by_mtl of seen-package 1.2: works") in rows


def test_our_registered_names_are_unique():
    """If mmengine, mmcv or mmseg had the same name, the scope would decide which a config gets."""
    foreign: dict[str, str] = {}
    pending = [value for value in vars(mmengine.registry).values() if isinstance(value, Registry)]
    while pending:
        registry = pending.pop()
        pending.extend(registry.children.values())
        for name, item in registry.module_dict.items():
            if item.__module__.split(".")[0] in ("mmengine", "mmcv", "mmseg"):
                foreign[name] = item.__module__
    assert "Runner" in foreign and "EncoderDecoder" in foreign and "LoadImageFromFile" in foreign
    # Ours join and repeat samples as mmengine's do, and more; our configs have mmseg's scope.
    shared = {name: foreign[name] for name in registered() if name in foreign}
    assert {*shared} == {"ClassBalancedDataset", "ConcatDataset"}
