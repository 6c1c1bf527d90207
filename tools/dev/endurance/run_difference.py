"""Find the differences between two runs that should be equal."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mtl_plugins.checkpoints import from_plain, load_checkpoint
from mtl_plugins.engine.hooks import CURVES, curve_files
from mtl_plugins.errors import MTLError

MAY_DIFFER = (
    "time", "data_time", "memory", "eta", "experiment_name", "cfg", "mmengine_version", CURVES,
)  # fmt: skip
"""Keys that depend on the machine, the time or the folder (mmengine's version: on its commit)."""


def run_differences(first: str, second: str) -> list[str]:
    """Compare the last checkpoints and the logged curves of two work dirs, bit for bit.

    The comparison covers the names of all checkpoints, everything in the last one (weights,
    optimizer, schedulers, scaler, histories, best score, positions) and every point of the curves
    in `scalars.json` and TensorBoard's files. Times, memory and folders may differ.

    Returns:
        A line for each difference; empty if the runs are equal.

    Raises:
        MTLError: a work dir holds no checkpoint.
    """
    names = [sorted(path.name for path in Path(run).glob("*.pth")) for run in (first, second)]
    if not all(names):
        raise MTLError(f"{first} and {second}: expected checkpoints of both runs.")
    if names[0] != names[1]:
        return [f"checkpoints: {' '.join(names[0])} and {' '.join(names[1])}"]
    last = max(names[0], key=lambda name: os.path.getmtime(os.path.join(first, name)))
    states = [from_plain(load_checkpoint(os.path.join(run, last))) for run in (first, second)]
    logged = [dict(scalars=_scalars(run), tensorboard=_events(run)) for run in (first, second)]
    curves = _differences(logged[0], logged[1], "curves")
    return [*_differences(states[0], states[1], last), *curves]


def _differences(first: Any, second: Any, where: str) -> list[str]:
    if isinstance(first, HistoryBuffer) and isinstance(second, HistoryBuffer):
        return _differences([*first.data], [*second.data], where)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        keys = [key for key in {**first, **second} if not _may_differ(key)]
        both = [key for key in keys if key in first and key in second]
        lost = [f"{where}.{key} is in one only" for key in keys if key not in both]
        return lost + [
            line for key in both for line in _differences(first[key], second[key], f"{where}.{key}")
        ]
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        if len(first) != len(second):
            return [f"{where} has {len(first)} and {len(second)} entries"]
        pairs = enumerate(zip(first, second, strict=True))
        return [line for i, pair in pairs for line in _differences(*pair, f"{where}[{i}]")]
    return [] if _same(first, second) else [f"{where} is {first} and {second}"[:200]]


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        first, second = first.cpu().numpy(), second.cpu().numpy()
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return first.dtype == second.dtype and first.tobytes() == second.tobytes()
    if isinstance(first, str) and isinstance(second, str) and os.sep in first + second:
        return os.path.basename(first) == os.path.basename(second)
    return first == second or (first != first and second != second)


def _may_differ(key: Any) -> bool:
    return str(key).rpartition("/")[2] in MAY_DIFFER


def _scalars(run: str) -> list[dict[str, Any]]:
    """Return every line of a run's logs, in order."""
    return [
        json.loads(line)
        for path in curve_files(run)
        if path.name == "scalars.json"
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def _events(run: str) -> dict[str, list[tuple[int, float]]]:
    """Return the steps and values of every curve in TensorBoard's files."""
    # Imported here: runs without TensorBoard's backend do not need it.
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    curves: dict[str, list[tuple[int, float]]] = {}
    for path in curve_files(run):
        if ".tfevents." not in path.name:
            continue
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = value.tensor.float_val[0]
                    curves.setdefault(value.tag, []).append((event.step, number))
    return curves
