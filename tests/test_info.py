"""What a bug report holds, also where hardly anything works."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import mmengine
import pytest
import torch

from mtl_plugins import __version__
from mtl_plugins.install import compat
from tests.conftest import ROOT


def call(*arguments, first=""):
    path = os.pathsep.join([*([str(first)] if first else []), ROOT])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, timeout=60, env=dict(os.environ, PYTHONPATH=path),
    )  # fmt: skip


def info(*flags, first=""):
    """Return the rows, also as a dict, and what was written to stderr."""
    result = call(*flags, "-m", "mtl_plugins.info", first=first)
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    rows = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    return rows, dict(rows), result.stderr


@pytest.mark.slow
def test_a_working_installation_is_described():
    rows, found, times = info("-X", "importtime")
    assert found["mtl_plugins"].startswith(__version__) and ROOT in found["mtl_plugins"]
    assert found["torch"] == torch.__version__
    assert found["family"] == compat.installed_family()
    assert found["family"] != "openmmlab" or found["mmengine"] == mmengine.__version__
    assert found["cpu"] and ("CUDA" in found["cuda"])
    # The same stack as here, so the same repairs.
    assert [text for name, text in rows if name == "repaired"] == (compat.repairs or ["nothing"])
    assert found["import"] == "works"
    # import time: self [us] | cumulative | imported package
    imported = {line.split("|")[-1].strip() for line in times.splitlines()}
    assert "mtl_plugins.models.balancers.torchjd_adapter" in imported
    assert not {"matplotlib.figure", "torchjd", "dev.bench"} & imported


def test_an_import_leaves_the_garbage_collector_on():
    assert gc.isenabled()


def test_a_broken_package_is_named_and_the_rest_is_printed(tmp_path):
    (tmp_path / "mmseg.py").write_text("raise RuntimeError('broken on purpose')\n")
    _, found, _ = info(first=tmp_path)
    assert found["import"] == "fails: RuntimeError: broken on purpose"
    assert found["torch"] == torch.__version__


def test_where_nothing_is_installed_it_says_so():
    _, found, _ = info("-S")
    assert found["torch"] == found["timm"] == "not installed"
    assert found["cuda"] == "ModuleNotFoundError: No module named 'torch'"
    assert "pip install" in found["family"] and "fails: ImportError" in found["import"]


def test_every_other_import_still_raises():
    result = call("-S", "-c", "import mtl_plugins")
    assert result.returncode == 1 and "ImportError: mtl_plugins needs" in result.stderr
