"""The suite's GPU tests, and exported models."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from mtl_plugins.inference import Prediction

from .case import Findings, Settings, Skipped, case
from .runs import short_run


@case(rank=6, limit=90)
def tests(settings: Settings, findings: Findings) -> None:
    """The tests that are marked `gpu`."""
    # Other files may need packages that such a machine lacks.
    files = [
        str(path) for path in sorted(Path(settings.root, "tests").rglob("test_*.py"))
        if "mark.gpu" in path.read_text(encoding="utf-8")
    ]  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-m", "gpu", *files, "-p", "no:cacheprovider"]
    command += ["--collect-only"] if settings.device != "cuda" else []
    # The cases' own environment must not reach the tests.
    done = subprocess.run(command, cwd=settings.root, capture_output=True, text=True)
    print(done.stdout[-8000:], done.stderr[-4000:])
    findings.check("passed", done.returncode == 0)
    for count, kind in re.findall(r"(\d+) (passed|failed|errors?|skipped)", done.stdout):
        findings.note(**{f"number_{kind}": int(count)})
    findings.failures += re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE)[:10]


@case(rank=17, limit=90)
def onnx(settings: Settings, findings: Findings) -> None:
    """An exported network under ONNX Runtime's CUDA and TensorRT providers, where installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise Skipped("onnxruntime is not installed") from error
    providers = onnxruntime.get_available_providers()
    findings.note(providers=", ".join(providers))
    wanted = [p for p in ("CUDAExecutionProvider", "TensorrtExecutionProvider") if p in providers]
    if settings.device == "cuda" and not wanted:
        raise Skipped(f"the installed onnxruntime {onnxruntime.__version__} has {providers} alone")
    from mtl_plugins import MultiTaskInferencer
    from mtl_plugins.inference.export import export

    short_run(settings, "exported", keep=True)
    checkpoint = settings.scratch("runs", "exported", "epoch_1.pth")
    path = settings.scratch("model.onnx")
    export(checkpoint, out=path)
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    [expected] = MultiTaskInferencer(checkpoint, device="cpu")(image)
    devices = ["cuda"] if wanted else ["cpu"]
    for device in devices:
        [found] = MultiTaskInferencer(path, device=device)(image)
        same = float(np.mean(found.semseg == expected.semseg))
        findings.bound(f"{device}_classes_equal", same, at_least=0.999)
        findings.bound(f"{device}_depth_difference", _difference(found, expected), at_most=1e-2)


@case(rank=16, limit=60)
def prediction(settings: Settings, findings: Findings) -> None:
    """The inferencer on the device gives what it gives on the processor."""
    from mtl_plugins import MultiTaskInferencer

    checkpoint = settings.scratch("runs", "exported", "epoch_1.pth")
    if not os.path.isfile(checkpoint):
        short_run(settings, "exported", keep=True)
    image = np.random.default_rng(0).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    [expected] = MultiTaskInferencer(checkpoint, device="cpu")(image)
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        [found] = MultiTaskInferencer(checkpoint, device=settings.device)(image)
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
    same = float(np.mean(found.semseg == expected.semseg))
    findings.bound("classes_equal", same, at_least=0.995)
    findings.bound("depth_difference", _difference(found, expected), at_most=1e-2)


def _difference(found: Prediction, expected: Prediction) -> float:
    """Return the largest relative difference of depth."""
    assert found.depth is not None and expected.depth is not None
    return float(np.abs(found.depth / expected.depth - 1).max())
