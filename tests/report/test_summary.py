"""The table of metrics on the terminal, and the results of an evaluation in a file."""

from __future__ import annotations

import json

import numpy as np

from mtl_plugins.evaluation import MultiTaskMetric
from mtl_plugins.report import metrics_table, write_results
from mtl_plugins.targets import Target
from tests.evaluation.test_types import LANES, measure, random_maps, sample


def test_the_table_shows_targets_of_any_name_in_order():
    metrics = {"height/mae": 2.0, "height/bias": -0.5, "lanes/aAcc": 50.0, "semseg/mIoU": 30.0}
    blind = {"height/mae": 4.0, "height/bias": 0.1, "lanes/aAcc": 0.0}
    table = metrics_table("run", {**metrics, "depth/sq_rel": 1.0}, blind)
    assert table.rows == [
        ["mIoU (%)", "30.000", "", ""],
        ["height mean absolute error", "2.000", "4.000", "0.50"],
        ["height bias", "-0.500", "0.100", "-"],
        ["lanes pixel accuracy (%)", "50.000", "0.000", "-"],
    ]


def test_results_hold_the_classes_of_every_target(tmp_path):
    semseg = Target("semseg", "classes", classes=("road", "sky"))
    random = np.random.default_rng(0)
    maps = {target: random_maps(target, random) for target in (LANES, semseg)}
    metric = MultiTaskMetric()
    metrics = measure([sample(maps, LANES, semseg)], LANES, semseg, metric=metric)
    write_results(str(tmp_path / "a.json"), metrics, [metric], "epoch_1.pth")
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["metrics"] == metrics
    assert found["confusion"] == metric.confusions["semseg"].tolist()
    assert [row["name"] for row in found["classes"]] == ["road", "sky"]
    lanes = found["targets"]["lanes"]
    assert lanes["confusion"] == metric.confusions["lanes"].tolist()
    assert [row["iou"] for row in lanes["classes"]] == [row.iou for row in metric.classes["lanes"]]
