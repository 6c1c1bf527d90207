"""What the command does: predict into a folder, and say what came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .inferencer import MultiTaskInferencer


def predict(
    model: str,
    inputs: Sequence[str],
    folder: str,
    loading: Mapping[str, Any],
    writing: Mapping[str, Any],
) -> None:
    """Predict inputs into a folder; what could not be read is listed on stderr.

    Args:
        model, inputs, folder: see `MultiTaskInferencer` and its `save`.
        loading: further arguments of `MultiTaskInferencer`.
        writing: further arguments of `OutputFolder`.
    """
    report = MultiTaskInferencer(model, **loading).save(list(inputs), folder, **writing)
    count = f"{report.images} image{'s' * (report.images != 1)}"
    print(f"{count} predicted, see {report.folder}/predictions.json")
    if report.too_far:
        print(
            f"{report.too_far} pixels are too far for 16 bits and were written as the largest "
            "depth; choose a larger --depth-scale.",
            file=sys.stderr,
        )
    if report.problems:
        print(f"{len(report.problems)} inputs could not be read:", file=sys.stderr)
    for problem in report.problems:
        print(f"  {problem}", file=sys.stderr)
