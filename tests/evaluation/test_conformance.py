"""Metrics against numbers that the field's reference evaluations give on random arrays.

`conformance/` holds the arrays (random, not from a data set); invalid pixels are 255 (labels of 13
classes: -1), 0 (depth, metres) and 0, 0, 0 (normals). The last image of each file has no valid
pixel. The references compute in float32, hence the tolerance.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS

from mtl_plugins.evaluation import (
    MultiTaskMetric,
    confusion_matrix,
    delta_m,
    depth_errors,
    mtan_errors,
    semseg_scores,
)
from mtl_plugins.targets import Target

FOLDER = Path(__file__).with_name("conformance")


def close(expected):
    return pytest.approx(expected, rel=5e-6)


def arrays(name):
    with np.load(FOLDER / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def scores_of(metric, keys, prediction, target, **options):
    """Stream the images of a batch through a metric."""
    built = METRICS.build(dict(type=metric, **options))
    for pair in zip(prediction, target, strict=True):
        sample = {key: dict(data=values) for key, values in zip(keys, pair, strict=True)}
        built.process(None, [sample])
    return built.evaluate(len(target))


@pytest.mark.parametrize(
    ("name", "classes", "ignore", "absent", "expected"),
    [
        # Multi-Task-Learning-PyTorch (ed3d9ac), eval_semseg.py: five of 40 classes are absent.
        ("semseg40", 40, 255, "zero", dict(mIoU=42.61538822)),
        ("semseg21", 21, 255, "skip", dict(mIoU=48.25765738)),
        # The same, eval_human_parts.py.
        ("parts", 7, 255, "skip", dict(mIoU=40.76830159)),
        # mtan (c36c30b), im2im_pred/utils.py.
        ("semseg13", 13, -1, "skip", dict(mIoU=47.46392071, aAcc=66.06498361)),
    ],
)
def test_segmentation(name, classes, ignore, absent, expected):
    labels = arrays("labels")
    confusion = confusion_matrix(labels[f"{name}_pred"], labels[f"{name}_target"], classes, ignore)
    found = semseg_scores(confusion, absent)
    assert {key: found[key] for key in expected} == close(expected)


# atrc (76d8055), src/data/metrics.py: F of saliency with beta^2 = 0.3 at 19 thresholds.
SALIENCY = (
    0.234347716, 0.2792792618, 0.3331496418, 0.3913887739, 0.4532019198, 0.5014836192, 0.567434907,
    0.6503737569, 0.6910568476, 0.7177363634, 0.7531979084, 0.7849462628, 0.7853922248,
    0.8412537575, 0.8042744398, 0.7700986862, 0.7233703732, 0.6143666506, 0.3170731366,
)  # fmt: skip


def test_masks():
    maps = arrays("saliency")
    target = Target("saliency", "binary")
    probability = maps["logit1"].sigmoid()
    for threshold, expected in zip(np.arange(1, 20) / 20, SALIENCY, strict=True):
        metric = MultiTaskMetric()
        for guess, truth in zip(probability >= threshold, maps["target_ignore"], strict=True):
            pairs = dict(pred_saliency_map=guess.long(), gt_saliency_map=truth[None])
            sample = {key: dict(data=data) for key, data in pairs.items()}
            metric.process(None, [dict(sample, predicted=[target])])
        found = metric.evaluate(len(probability))
        precision, recall = (found[f"saliency/{name}"] / 100 for name in ("precision", "recall"))
        assert 1.3 * precision * recall / (0.3 * precision + recall) == close(expected)


def test_normals():
    maps = arrays("normals")
    keys = ("pred_normal_map", "gt_normal_map")
    found = scores_of("NormalsMetric", keys, maps["prediction"], maps["target"])
    # Multi-Task-Learning-PyTorch (ed3d9ac), eval_normals.py; mean and shares of the pixels.
    assert found["normals/mean_angle"] == pytest.approx(17.24265463, rel=1e-5)
    assert found["normals/within_11.25"] == close(53.06859206)
    assert found["normals/within_22.5"] == close(73.8267148)
    assert found["normals/within_30"] == close(81.04693141)
    # LibMTL (4336804), examples/nyu/utils.py; torch's median of an even number is the lower one.
    assert found["normals/median_angle"] == pytest.approx(10.00492764, abs=0.011)


def test_depth_of_one_image():
    maps = arrays("depth")
    found = depth_errors(maps["prediction"][0], maps["target"][0], 0.001)
    # AdaBins (0952d91), evaluate.py, and bts (5e3406b), bts_eval.py.
    expected = dict(
        si_log_rmse=24.78179932, log10=0.08924535662, abs_rel=0.2241790444, sq_rel=0.4058299661,
        rmse=1.544018745, rmse_log=0.2582654357, delta1=0.6318681319, delta2=0.9230769231,
        delta3=0.989010989,
    )  # fmt: skip
    assert found == close(expected)


def test_depth_averaged_over_images():
    maps = arrays("depth")
    keys = ("pred_depth_map", "gt_depth_map")
    options = dict(min_depth=0.001, max_depth=20.0, si_lambda=0.5, si_scale=1.0)
    found = scores_of("MultiTaskMetric", keys, maps["prediction"], maps["target"], **options)
    # Depth-Anything-V2 (a561b84), metric_depth/util/metric.py and train.py.
    expected = dict(
        delta1=0.5757847428, delta2=0.8963497082, delta3=0.987540702, abs_rel=0.2438039333,
        sq_rel=0.5406785111, rmse=1.787505229, rmse_log=0.2731287032, log10=0.09567650159,
        si_log_rmse=0.2567333281,
    )  # fmt: skip
    assert {key: found[f"depth/{key}"] for key in expected} == close(expected)
    assert found["depth/images_without_depth"] == 1


@pytest.mark.parametrize(
    ("batches", "expected"),
    [([(0, 4)], (1.235968828, 0.2451788038)), ([(0, 1), (1, 3)], (1.196316421, 0.2398159578))],
)
def test_depth_of_mtan(batches, expected):
    """Batches as in mtan (c36c30b), im2im_pred/utils.py: pooled inside, then averaged."""
    maps = arrays("depth")
    pairs = [(maps["prediction"][a:b], maps["target"][a:b]) for a, b in batches]
    assert tuple(np.mean([mtan_errors(*pair) for pair in pairs], axis=0)) == close(expected)


@pytest.mark.parametrize(
    ("single", "multi", "averaging", "expected"),
    [
        # Multi-Task-Learning-PyTorch (ed3d9ac), evaluate_utils.py: NYUD, PASCAL.
        ([[0.4301], [-0.6012], [-20.31], [0.7623]], [[0.4533], [-0.5729], [-20.68], [0.7601]],
         "task", 1.997745898),
        ([[0.6721], [0.6193], [0.6235], [-17.97], [0.712]],
         [[0.679], [0.5984], [0.6555], [-16.55], [0.705]], "task", 1.94061709),
        # LibMTL (4336804), LibMTL/utils.py: several metrics per task.
        ([[0.5316, 0.7527], [-0.3911, -0.1622], [-22.4, -16.62, 0.3577, 0.6214, 0.7263]],
         [[0.5472, 0.7637], [-0.3771, -0.1567], [-23.1, -17.43, 0.3411, 0.6046, 0.7135]],
         "task", 0.7540551537),
        # The mean over all metrics, as papers on gradient balancing define it.
        ([[0.5316, 0.7527], [-0.3911, -0.1622], [-22.4, -16.62, 0.3577, 0.6214, 0.7263]],
         [[0.5472, 0.7637], [-0.3771, -0.1567], [-23.1, -17.43, 0.3411, 0.6046, 0.7135]],
         "metric", -0.6376523211),
    ],
)  # fmt: skip
def test_delta_m(single, multi, averaging, expected):
    """Metrics of a list belong to one task; errors are written as negative numbers."""

    def named(values):
        return {f"{t}/{m}": abs(v) for t, task in enumerate(values) for m, v in enumerate(task)}

    errors = {f"{t}/{m}" for t, task in enumerate(single) for m, v in enumerate(task) if v < 0}
    found = delta_m(named(multi), named(single), errors, averaging=averaging)
    assert found == pytest.approx(expected, rel=1e-8)
