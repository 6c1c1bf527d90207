"""Numbers that the field's reference evaluations give on random arrays.

`conformance.json` lists the cases: the reference (repository, commit, file), the inputs, what is
special, and the values. The arrays beside it are random, not from a data set; invalid pixels are
255 (labels of 13 classes: -1), 0 (depth, metres) and 0, 0, 0 (normals). The last image of most
files has no valid pixel. The references compute in float32, hence the tolerances.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS

FOLDER = Path(__file__).parent
CASES = {
    each["id"]: each for each in json.loads((FOLDER / "conformance.json").read_text())["cases"]
}
"""Name of a case -> the case."""

BATCHES = (0, 1), (1, 3)
"""First and last image of the batches of some references."""

NOT_OURS = {"F", "mIoUs", "port_odsF", "port_oisF", "port_AP", "port_own_summary",
            "largest_count_difference", "max_dist_bsds", "max_dist_sbd",
            "thresholds_in_that_tool"}  # fmt: skip
"""Values that describe a reference's own way, or curves whose best value is compared."""


def cases_of(*tasks):
    """Return the names of the cases of tasks; without any, of all."""
    known = {case["task"] for case in CASES.values()}
    assert known >= {*tasks}
    return {name for name, case in CASES.items() if case["task"] in (tasks or known)}


def arrays(name):
    """Return the arrays of a file by name."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def measured(target, keys, prediction, truth, metric="MultiTaskMetric", **options):
    """Return the metrics of the images of a batch, without the target's name."""
    built = METRICS.build(dict(type=metric, **options))
    built.dataset_meta = dict(targets={target.name: target.to_dict()})
    for pair in zip(prediction, truth, strict=True):
        maps = {key: dict(data=values) for key, values in zip(keys, pair, strict=True)}
        built.process(None, [dict(maps, predicted=[target])])
    scores = built.evaluate(len(truth))
    return {name.rpartition("/")[2]: value for name, value in scores.items()}


def compare(found, expected, tolerance):
    for key, value in expected.items():
        if key in NOT_OURS:
            continue
        own = found[key]
        if isinstance(value, dict):
            compare(own, value, tolerance)
        elif isinstance(value, list) or (isinstance(value, int) and not isinstance(own, float)):
            assert own == (pytest.approx(value, rel=tolerance) if is_floats(value) else value), key
        elif value == "nan":
            assert math.isnan(own), key
        elif isinstance(own, float):
            assert own == pytest.approx(value, rel=tolerance), key
        else:
            assert value == own, key


def is_floats(value):
    return isinstance(value, list) and all(isinstance(each, float) for each in value)
