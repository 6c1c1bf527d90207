"""What came of stacks, as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from mtl_plugins.install import FAMILIES

from .trial import Trial

SHOWN = (
    "torch", "torchvision", "timm", "torchjd", "numpy", "opencv-python", "pillow", "onnx",
    "onnxruntime", "optuna",
)  # fmt: skip
"""Distributions in the table beside the family's."""


def versions_table(trials: Iterable[Trial]) -> str:
    """Return the table: a row for each stack, the versions as they were installed."""
    head = ("stack", "Python", "versions", "tests", "passed", "failed", "skipped", "seconds")
    rows = [head, ("---",) * 4 + ("---:",) * 4, *map(_cells, trials)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(trial: Trial) -> tuple[str, ...]:
    family = [name for roles in FAMILIES.values() for role in roles for name in role]
    versions = ", ".join(
        f"{name} {trial.versions[name]}" for name in (*family, *SHOWN) if name in trial.versions
    )
    counts = (str(trial.passed), str(trial.failed), str(trial.skipped), f"{trial.seconds:.0f}")
    if trial.error:
        versions, counts = " ".join(trial.error.split()).replace("|", "\\|"), ("-",) * 4
    tests = f"`{trial.tests}`" if trial.tests else "all"
    return (trial.stack, trial.python, versions, tests, *counts)
