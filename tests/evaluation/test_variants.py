"""Ways to measure: ranges, alignment, averages over pixels, classes left out, single images."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from mtl_plugins.config import build, final_config, load_config
from mtl_plugins.engine import evaluate
from mtl_plugins.errors import ConfigError, DataError, MTLError
from mtl_plugins.evaluation import MultiTaskMetric, confusion_matrix, depth_errors, semseg_scores
from mtl_plugins.evaluation.edges import EdgeMetric
from mtl_plugins.evaluation.measure import table_labels
from mtl_plugins.report import write_image_scores
from mtl_plugins.targets import declared_target

from ..commands import PLAIN, SMALL
from .test_multi_task_metric import DEPTH, META, SEMSEG, measure, sample

SAMPLES = [sample(index) for index in range(5)]
NEAR = dict(tasks=["depth"], variant="near", depth_range=(0, 20))


def depths(one):
    return [one[key]["data"] for key in DEPTH]


def test_a_variant_puts_its_name_between_target_and_metric():
    found, _ = measure(SAMPLES, **NEAR)
    assert all(name.startswith("depth/near/") for name in found)
    plain, _ = measure(SAMPLES, variant="all")
    assert "semseg/all/mIoU" in plain and "multitask/score" not in plain


def test_a_range_counts_the_pixels_whose_true_distance_is_in_it():
    found, _ = measure(SAMPLES, tasks=["depth"], depth_range=(5, 20))
    expected = []
    for one in SAMPLES:
        guess, truth = depths(one)
        inside = (truth >= 5) & (truth <= 20)
        expected.append(depth_errors(guess[inside], truth[inside]))
    assert found == {
        f"depth/{name}": pytest.approx(np.mean([each[name] for each in expected]))
        for name in expected[0]
    }


def test_an_average_over_pixels_joins_the_pixels_of_all_images():
    found, _ = measure(SAMPLES, tasks=["depth"], average=dict(depth="pixels"), si_lambda=0.5)
    guess, truth = (torch.cat([depths(one)[k].flatten() for one in SAMPLES]) for k in (0, 1))
    expected = depth_errors(guess, truth, si_lambda=0.5)
    assert found == {f"depth/{name}": pytest.approx(value) for name, value in expected.items()}
    apart, _ = measure(SAMPLES, tasks=["depth"], si_lambda=0.5)
    assert apart["depth/rmse"] != pytest.approx(found["depth/rmse"])


@pytest.mark.parametrize(
    ("align", "distort"),
    [
        ("median", lambda depth: 0.3 * depth),
        ("least_squares", lambda depth: 0.3 * depth - 2),
        ("inverse_least_squares", lambda depth: 1 / (3 / depth + 0.2)),
    ],
)
def test_alignment_undoes_the_distortion_that_it_is_made_for(align, distort):
    truth = torch.rand(1, 6, 8, dtype=torch.float64) * 60 + 1
    truth[:, 0] = 0
    maps = dict(zip(DEPTH, ({"data": distort(truth)}, {"data": truth}), strict=True))
    found, _ = measure([maps], tasks=["depth"], align=align, max_depth=80)
    assert found["depth/rmse"] < 1e-4 and found["depth/delta1"] == 1
    plain, _ = measure([maps], tasks=["depth"], max_depth=80)
    assert plain["depth/rmse"] > 1


@pytest.mark.parametrize("align", ["median", "least_squares", "inverse_least_squares"])
def test_alignment_of_a_constant_or_of_one_pixel_is_finite(align):
    for truth in (torch.rand(1, 2, 3) * 60 + 1, torch.tensor([[[0.0, 7.0]]]), torch.zeros(1, 1, 2)):
        maps = dict(zip(DEPTH, ({"data": torch.full_like(truth, 3)}, {"data": truth}), strict=True))
        found, _ = measure([maps], tasks=["depth"], align=align, max_depth=80)
        assert np.isfinite(found.get("depth/rmse", np.nan)) == bool(truth.any())


def test_classes_left_out_are_not_in_the_means():
    confusion = torch.tensor([[6, 2, 0], [1, 3, 0], [0, 4, 4]])
    whole, part = semseg_scores(confusion), semseg_scores(confusion, left_out=[0])
    # IoU of the classes 1 and 2: 3 / (4 + 9 - 3) and 4 / (8 + 4 - 4).
    assert part["mIoU"] == pytest.approx(100 * (0.3 + 0.5) / 2)
    assert part["mAcc"] == pytest.approx(100 * (0.75 + 0.5) / 2)
    assert part["aAcc"] == whole["aAcc"] and part["mIoU"] != whole["mIoU"]
    named, _ = measure(SAMPLES, tasks=["semseg"], left_out=("car",))
    joint = sum(confusion_matrix(*(one[key]["data"] for key in SEMSEG), 3) for one in SAMPLES)
    assert named["semseg/mIoU"] == semseg_scores(joint, left_out=[1])["mIoU"]


def test_precision_and_f_score_equal_scikit_learns():
    generator = torch.Generator().manual_seed(0)
    truth, guess = (torch.randint(0, 4, (500,), generator=generator) for _ in range(2))
    precision, recall, f1, _ = precision_recall_fscore_support(truth, guess)
    found = semseg_scores(confusion_matrix(guess, truth, 4))
    for name, values in dict(mPrecision=precision, mAcc=recall, mF1=f1).items():
        assert found[name] == pytest.approx(100 * values.mean())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(align="medain"), r"Did you mean median\?"),
        (dict(align=dict(depth="inverse_least_squares")), "needs max_depth"),
        (dict(average="pixel"), r"Did you mean pixels\?"),
        (dict(depth_range=(20, 5)), "nearest, farthest"),
        (dict(max_depth=dict(depth=-5)), "expected more than min_depth"),
        (dict(min_depth=3.0, max_depth=2.0), r"max_depth=2\.0: expected more than min_depth=3\.0"),
        (dict(depth_range=20), "nearest, farthest"),
        (dict(variant="near/far"), "letters, digits"),
    ],
)
def test_options_that_cannot_be_are_refused_when_the_metric_is_built(options, message):
    with pytest.raises(DataError, match=message):
        MultiTaskMetric(**options)


def evaluated(*metrics, **changes):
    config = final_config("configs/mtl_branched.py")
    config.val_evaluator = [dict(type="MultiTaskMetric"), *metrics]
    config.default_hooks.checkpoint.update(changes)
    return final_config(config)


def test_a_config_may_measure_in_several_ways_and_choose_by_one():
    far = dict(NEAR, type="MultiTaskMetric", variant="far", depth_range=(20, 80))
    near = dict(NEAR, type="MultiTaskMetric")
    config = evaluated(near, far, save_best="depth/near/rmse")
    assert config.default_hooks.checkpoint.rule == "less"
    assert evaluated(near, far).default_hooks.checkpoint.save_best == "multitask/score"
    with pytest.raises(ConfigError, match=r"twice.*variant"):
        evaluated(dict(near, variant=""))
    with pytest.raises(ConfigError, match=r"Did you mean depth/near/rmse"):
        evaluated(near, save_best="depth/naer/rmse")
    with pytest.raises(MTLError, match=r"no class 'raod'. Did you mean road"):
        evaluated(dict(type="MultiTaskMetric", variant="few", left_out=["raod"]))


def test_scores_of_single_images_are_rows_in_the_order_of_the_data(tmp_path):
    metrics = [MultiTaskMetric(), MultiTaskMetric(**NEAR)]
    total = {}
    for metric in metrics:
        metric.dataset_meta, metric.per_image = META, True
        for one in SAMPLES:
            metric.process(None, [one])
        total |= metric.evaluate(len(SAMPLES))
    path = str(tmp_path / "scores.csv")
    write_image_scores(path, metrics)
    with open(path, newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [row["image"] for row in rows] == [one["img_path"] for one in SAMPLES]
    for name in ("depth/rmse", "depth/near/rmse"):
        values = [float(row[name]) for row in rows]
        assert np.mean(values) == pytest.approx(total[name])
    for row, one in zip(rows, SAMPLES, strict=True):
        alone, _ = measure([one])
        assert float(row["semseg/mIoU"]) == pytest.approx(alone["semseg/mIoU"])


@pytest.mark.parametrize("argument", ["per_image", "results"])
def test_a_folder_instead_of_a_file_is_refused_before_the_test(tmp_path, argument):
    with pytest.raises(ConfigError, match="is a folder; expected a file"):
        evaluate("configs/mtl_branched.py", "missing.pth", **{argument: str(tmp_path)})


@pytest.mark.parametrize("names", [(0,), ("raod",)])
def test_left_out_names_classes(names):
    target = declared_target("lanes", dict(type="classes", classes=("road", "car")))
    with pytest.raises(DataError, match=rf"no class {names[0]!r}.*left_out=dict"):
        MultiTaskMetric.measures_for([target], dict(left_out=names))


def test_probabilities_are_predicted_where_a_metric_needs_them(scene_options, tmp_path):
    further = [
        dict(type="SaliencyMetric", target="boundary"),
        dict(type="EdgeMetric", target="boundary", max_dist=0.011, thresholds=9),
    ]
    metrics = [dict(type="MultiTaskMetric"), *further]
    path = str(tmp_path / "scores.csv")
    config = load_config("configs/mtl_label_sets.py", [*scene_options, *SMALL, *PLAIN])
    config.test_evaluator = metrics
    checkpoint = str(tmp_path / "random.pth")
    network = build(config, pretrained=False)
    torch.save(dict(state_dict=network.state_dict()), checkpoint)
    found = evaluate(config, checkpoint, str(tmp_path / "run"), per_image=path)
    for name in ("pooled/maxF", "pooled/mIoU", "odsF", "oisF", "AP"):
        assert 0 <= found[f"boundary/{name}"] <= 100
    assert found["boundary/odsF"] <= found["boundary/oisF"]
    shown = table_labels(found)  # tables have them too
    assert shown["boundary/pooled/maxF"] == "boundary maxF (%), pooled"
    assert shown["boundary/AP"] == "boundary AP (%)"
    with open(path, newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 3 and all(float(row["boundary/oisF"]) >= 0 for row in rows)


def test_a_distance_of_edges_in_pixels_is_refused():
    with pytest.raises(DataError, match="share of the image's diagonal"):
        EdgeMetric(max_dist=3)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (dict(type="SaliencyMetric", protocol="poold"), r"Did you mean pooled\?"),
        (dict(type="SaliencyMetric"), "type 'binary', but there are"),
        (dict(type="EdgeMetric", target="depth"), "type 'binary', but there are"),
        (dict(type="EdgeMetric", target="edges"), "names the target 'edges'"),
    ],
)
def test_metrics_of_masks_need_a_mask(metric, message):
    with pytest.raises(MTLError, match=message):
        evaluated(metric)
