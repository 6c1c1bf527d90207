"""Repairs of the installed stack, each in its own process: imports leave state behind."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtl_plugins.install import compat
from mtl_plugins.install.compat import check_distributions

OPENMMLAB = {"mmengine", "mmcv-lite", "mmsegmentation"}
ONEDL = {"onedl-mmengine", "onedl-mmcv", "onedl-mmsegmentation"}
TEXT = {"ftfy", "regex"}

LOAD = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("compat", {compat.__file__!r})
compat = importlib.util.module_from_spec(spec)
sys.modules["compat"] = compat
spec.loader.exec_module(compat)
"""


def run(code, *, path=None, bare=False):
    """Run code after `compat` alone was loaded; `bare` hides every installed package."""
    setup = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    flags = ["-I", "-S"] if bare else []
    return subprocess.run(
        [sys.executable, *flags, "-c", setup + LOAD + code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def distribute(folder: Path, names):
    for name in names:
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


def package(folder: Path, **modules):
    folder.mkdir(parents=True)
    for name, source in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(source)


@pytest.mark.parametrize(
    ("installed", "family"),
    [
        (OPENMMLAB | TEXT, "openmmlab"),
        (OPENMMLAB - {"mmcv-lite"} | {"mmcv"} | TEXT, "openmmlab"),
        (ONEDL | TEXT | {"torch", "timm"}, "onedl"),
    ],
)
def test_one_complete_family_is_accepted(installed, family):
    assert check_distributions(installed) == family


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        (set(), ["none", "mtl_plugins[openmmlab]", "mtl_plugins[onedl]"]),
        (TEXT, ["none", "mtl_plugins[openmmlab]"]),
        ({"mmengine"} | TEXT, ["found mmengine ", "mmcv-lite or mmcv, mmsegmentation"]),
        (ONEDL - {"onedl-mmcv"} | TEXT, ["needs onedl-mmcv:", "mtl_plugins[onedl]"]),
        (OPENMMLAB | ONEDL | TEXT, ["exactly one", "pip uninstall -y", *OPENMMLAB, *ONEDL]),
        (OPENMMLAB | {"onedl-mmcv"} | TEXT, ["exactly one", "pip uninstall -y", "onedl-mmcv"]),
        (OPENMMLAB | {"mmcv"} | TEXT, ["exactly one", "pip uninstall -y", "mmcv-lite, mmcv"]),
        (OPENMMLAB | {"regex"}, ["needs ftfy:", "mtl_plugins[openmmlab]"]),
        (ONEDL | {"ftfy"}, ["needs regex:", "mtl_plugins[onedl]"]),
    ],
)
def test_any_other_set_is_refused_in_one_sentence(installed, said):
    with pytest.raises(ImportError) as refusal:
        check_distributions(installed)
    message = str(refusal.value)
    assert all(part in message for part in said), message
    assert "pip install" in message
    assert len(re.findall(r"\.(?:\s|$)", message)) == 1 and message.endswith(".")


@pytest.mark.parametrize(
    ("names", "said"), [((), "none of them"), (OPENMMLAB | ONEDL | TEXT, "exactly one family")]
)
def test_the_installed_distributions_are_checked(tmp_path, names, said):
    distribute(tmp_path, names)
    result = run("compat.prepare_stack()", path=tmp_path, bare=True)
    assert result.returncode != 0
    assert "ImportError: mtl_plugins" in result.stderr and said in result.stderr


def test_a_healthy_stack_is_left_alone(tmp_path):
    distribute(tmp_path, OPENMMLAB | TEXT)
    package(tmp_path / "torchvision", ops="")
    package(tmp_path / "mmcv", _ext="def nms(): return 'compiled'")
    result = run(
        """
before = set(sys.modules)
compat.prepare_stack(), compat.prepare_stack()
added = set(sys.modules) - before
assert "torchvision" in added and not {"torch", "mmcv", "mmcv._ext"} & added, added
from mmcv import _ext
assert _ext.nms() == "compiled"
assert compat.repairs == []
""",
        path=tmp_path,
        bare=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "" and result.stderr == ""


def test_missing_torchvision_ops_are_declared_and_the_import_is_repeated(tmp_path):
    package(
        tmp_path / "torchvision",
        __init__="from . import early, shapes\n",
        early="import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\n",
        shapes="import torch\n"
        "for name in ('nms', 'qnms'):\n"
        "    torch.library.register_fake(f'torchvision::{name}')(lambda *args: None)\n",
    )
    result = run(
        """
compat._complete_torchvision(), compat._complete_torchvision()
import builtins, torch, torchvision
assert builtins.runs == 2, "the half-imported submodule must be imported anew, and only once"
assert torchvision.early is sys.modules["torchvision.early"]
assert len(compat.repairs) == 1 and "nms and qnms cannot be called" in compat.repairs[0]
schema = str(torch.ops.torchvision.nms.default._schema)
assert schema == "torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
""",
        path=tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_other_failures_of_torchvision_are_not_retried_away(tmp_path):
    fails_once = "import builtins\nif not hasattr(builtins, 'tried'):\n    builtins.tried = True\n"
    package(tmp_path / "torchvision", __init__=fails_once + "    raise RuntimeError('no luck')\n")
    result = run("compat._complete_torchvision()", path=tmp_path)
    assert result.returncode != 0 and "no luck" in result.stderr


@pytest.fixture(scope="module")
def real():
    """What a process printed that imports the real stack from several threads and calls an op."""
    result = run(
        """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    assert list(pool.map(lambda _: compat.prepare_stack(), range(8))) == [None] * 8
import timm, torch, torchvision, mmcv.ops, mmseg.models
assert "ResNet" in mmseg.registry.MODELS.module_dict
print(sum("mmcv has no compiled ops" in what for what in compat.repairs))
print(hasattr(sys.modules["mmcv._ext"], "__file__"))
try:
    mmcv.ops.nms(torch.rand(3, 4), torch.rand(3), 0.5)
except RuntimeError as error:
    print(error)
"""
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def compiled_mmcv_ops():
    folders = importlib.util.find_spec("mmcv").submodule_search_locations
    return any(list(Path(folder).glob("_ext*")) for folder in folders)


def test_the_real_stack_imports_from_several_threads(real):
    # Nothing else was printed.
    assert real[:2] == (["0", "True"] if compiled_mmcv_ops() else ["1", "False"])


@pytest.mark.skipif(compiled_mmcv_ops(), reason="the installed mmcv has compiled ops")
def test_an_op_that_mmcv_lacks_says_so_when_it_is_called(real):
    [message] = real[2:]
    assert "mmcv op `nms` was called" in message and "pip install" in message
