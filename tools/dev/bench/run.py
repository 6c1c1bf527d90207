"""Measure rows; every case is saved, so that a stopped run can continue."""

from __future__ import annotations

import glob
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import cv2
import torch
from mmengine.registry import init_default_scope

from mtl_plugins.errors import ConfigError
from mtl_plugins.utils import ProgressLine, machine_name, no_logs, replaced
from mtl_plugins.version import __version__

from .measurement import Measurement
from .row import Row, load_row
from .settings import Settings


@dataclass
class RowResult:
    """The measurements of a row and the conditions they were made under.

    Args:
        row, title: name and title of the row.
        made: machine, versions and settings; results made under other conditions are not mixed in.
        measurements: one a case, in their order.
    """

    row: str
    title: str
    made: dict[str, Any]
    measurements: list[Measurement] = field(default_factory=list)

    def write(self, path: str) -> None:
        """Write a JSON file, in one step."""
        content = dict(
            row=self.row, title=self.title, made=self.made,
            measurements=[measurement.to_json() for measurement in self.measurements],
        )  # fmt: skip
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with replaced(path) as unfinished, open(unfinished, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)

    @classmethod
    def read(cls, path: str) -> RowResult:
        """Read a file that `write` wrote."""
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        content["measurements"] = [*map(Measurement.from_json, content["measurements"])]
        return cls(**content)


def run_benchmarks(
    names: Sequence[str], settings: Settings, out: str, again: bool = False
) -> list[RowResult]:
    """Measure rows, in the order given.

    Each row is kept in `OUT/<device>/<row>.json`, which is written after every case. Cases that
    were measured before on this machine with these settings are not measured again; skipped ones
    are.

    Args:
        names: names of the rows.
        settings: device, sizes and repeats.
        out: folder of the results.
        again: measure everything again.

    Raises:
        ConfigError: a row or the device does not exist.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device='cuda', but torch finds no CUDA device here; choose 'cpu'.")
    if settings.device == "cpu" and torch.cuda.is_available():
        raise ConfigError(
            "device='cpu', but mmengine's runner takes the GPU that is here; hide it by starting "
            "with CUDA_VISIBLE_DEVICES= in front of the command."
        )
    init_default_scope("mmseg")
    cv2.setNumThreads(0)  # as in training: its own threads would fight the loader's workers
    made = dict(
        machine=machine_name(settings.device), device=settings.device, quick=settings.quick,
        repeats=settings.repeats, version=__version__,
    )  # fmt: skip
    results = []
    with ProgressLine("benchmark", total=len(names)) as line, _silence():
        for done, row in enumerate([load_row(name) for name in names], start=1):
            path = os.path.join(out, settings.device, f"{row.name}.json")
            results.append(_run_row(row, settings, made, path, again, line))
            line.update(done)
    return results


def kept_results(out: str, made: dict[str, Any]) -> list[RowResult]:
    """Read all rows in a folder of results that were measured under the same conditions."""
    paths = glob.glob(os.path.join(out, made["device"], "*.json"))
    return [kept for path in sorted(paths) if (kept := RowResult.read(path)).made == made]


@contextmanager
def _silence() -> Iterator[None]:
    """Suppress the logs of trainings and mmseg's warnings about its own defaults."""
    with no_logs(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="mmseg|mmengine")
        yield


def _run_row(
    row: Row, settings: Settings, made: dict, path: str, again: bool, line: ProgressLine
) -> RowResult:
    known: dict[str, Measurement] = {}
    if os.path.isfile(path) and not again:
        before = RowResult.read(path)
        if before.made == made:
            known = {each.case: each for each in before.measurements if not each.skipped}
    result = RowResult(row.name, row.title, made)
    for case in row.cases(settings):
        line.update(description=f"{row.name}: {case.name}")
        result.measurements.append(known[case.name] if case.name in known else case.run())
        # After a stop, known cases later in the row must still be known.
        rest = [each for name, each in known.items() if name not in _names(result)]
        RowResult(row.name, row.title, made, [*result.measurements, *rest]).write(path)
    result.write(path)
    return result


def _names(result: RowResult) -> set[str]:
    return {measurement.case for measurement in result.measurements}
