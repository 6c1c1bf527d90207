"""`import mtl_plugins` registers, and does nothing else to its process."""

from __future__ import annotations

import os
import subprocess
import sys

import mtl_plugins
from tests.conftest import ROOT

# What the packages below it do when they are imported is not ours: they are imported before.
SCRIPT = """
import ast, importlib, importlib.util, logging, os, random, signal, sys, warnings
from pathlib import Path

root = Path(sys.argv[1], "mtl_plugins")
spec = importlib.util.spec_from_file_location("stack", root / "install" / "compat.py")
stack = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stack)
stack.prepare_stack()  # the repairs of compat
names = set()
for folder in ("datasets", "engine", "evaluation", "models", "visualization"):
    for path in (root / folder).rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)
            elif isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
for name in sorted(names - {"__future__"}):
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # of an extra that is not installed

import cv2, matplotlib, numpy, torch, PIL.Image
logging.root.manager.loggerDict.clear()

def state():
    loggers = logging.root.manager.loggerDict.values()
    return dict(
        files=os.listdir("."),
        folder=os.getcwd(),
        environment=dict(os.environ),
        path=list(sys.path),
        hooks=(sys.excepthook, sys.displayhook),
        signals=[signal.getsignal(s) for s in sorted(signal.valid_signals())],
        warnings=list(warnings.filters),
        logging=(logging.root.level, logging.root.handlers, logging.root.disabled,
                 [l for l in loggers if getattr(l, "handlers", None) or getattr(l, "level", 0)]),
        random=(random.getstate(), numpy.random.get_state()[1].tolist(),
                torch.get_rng_state().tolist()),
        numpy=(numpy.geterr(), numpy.get_printoptions()),
        torch=(torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(),
               torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark,
               torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32,
               torch.backends.cuda.matmul.allow_tf32),
        opencv=(cv2.getNumThreads(), cv2.ocl.useOpenCL()),
        matplotlib=dict(matplotlib.rcParams),
        pillow=PIL.Image.MAX_IMAGE_PIXELS,
    )

print("before")
before = state()
import mtl_plugins
after = state()
from mmseg.registry import MODELS
assert "MultiTaskSegmentor" in MODELS.module_dict
changed = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
print("changed:", changed)
"""


def test_nothing_but_the_registries_changes(tmp_path):
    result = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT, ROOT],
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
        env=dict(os.environ, PYTHONPATH=ROOT),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    # The onedl family says something of its own before.
    assert result.stdout.partition("before\n")[2] == "changed: {}\n"


def test_the_short_names_are_there_and_listed():
    short = {"MultiTaskInferencer", "build", "evaluate", "load_config", "train"}
    assert short <= set(dir(mtl_plugins)) == set(mtl_plugins.__all__)
    assert all(callable(getattr(mtl_plugins, name)) for name in short)
    assert mtl_plugins.train is mtl_plugins.engine.train
    assert not hasattr(mtl_plugins, "tarin")
