import logging
import math
import pickle

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

import mtl_plugins  # noqa: F401  prepares the stack that mmseg needs
from mtl_plugins.evaluation import (
    DEPTH_METRICS,
    MultiTaskMetric,
    class_table,
    confusion_matrix,
    depth_errors,
    multitask_score,
    semseg_scores,
)

META = {"classes": ("road", "car", "sky")}
SEMSEG = ("pred_sem_seg", "gt_sem_seg")
DEPTH = ("pred_depth_map", "gt_depth_map")


def sample(index, keys=SEMSEG + DEPTH):
    """Return the sample of an index, the same in every process."""
    generator = torch.Generator().manual_seed(index)
    shape = (1, 6 + index % 3, 9)
    depth = torch.rand(shape, generator=generator) * 50 + 1
    truth = torch.randint(0, 3, shape, generator=generator)
    truth[:, 0] = 255
    maps = {
        "gt_sem_seg": truth,
        "pred_sem_seg": torch.randint(0, 3, shape, generator=generator),
        "gt_depth_map": depth * (torch.rand(shape, generator=generator) < 0.7),
        "pred_depth_map": depth * (1 + torch.rand(shape, generator=generator)),
    }
    return {"img_path": f"image_{index}.png", **{key: {"data": maps[key]} for key in keys}}


def measure(samples, size=None, **options):
    metric = MultiTaskMetric(**options)
    metric.dataset_meta = META
    for one in samples:
        metric.process(None, [one])
    return metric.evaluate(len(samples) if size is None else size), metric


def by_functions(samples):
    confusion = sum(confusion_matrix(*(s[k]["data"] for k in SEMSEG), 3) for s in samples)
    errors = [depth_errors(*(s[k]["data"] for k in DEPTH)) for s in samples]
    scores = {f"semseg/{name}": value for name, value in semseg_scores(confusion).items()}
    scores |= {f"depth/{name}": np.mean([e[name] for e in errors]) for name in DEPTH_METRICS}
    total = multitask_score(scores["semseg/mIoU"], scores["depth/si_log_rmse"])
    return scores | {"multitask/score": total}


def test_scores_equal_the_functions_for_any_batches():
    samples = [sample(i) for i in range(7)]
    expected = by_functions(samples)
    scores, metric = measure(samples)
    assert scores == pytest.approx(expected, rel=1e-12)
    assert [row.name for row in metric.per_class] == list(META["classes"])
    assert metric.confusion.sum() == sum((s["gt_sem_seg"]["data"] != 255).sum() for s in samples)

    metric.process(None, samples[:4])
    metric.process(None, samples[4:])
    assert metric.evaluate(7) == scores, "a second validation starts from zero"


def test_is_registered_and_warns_of_no_missing_prefix(monkeypatch):
    warnings = []
    monkeypatch.setattr("mmengine.evaluator.metric.print_log", lambda *a, **k: warnings.append(a))
    metric = METRICS.build({"type": "MultiTaskMetric", "max_depth": 80})
    assert isinstance(metric, MultiTaskMetric)
    assert metric.options["max_depth"] == 80
    assert warnings == []


def test_works_in_mmengines_evaluator():
    raw = sample(0)
    data = SegDataSample(metainfo={"img_path": "image_0.png"})
    for key in SEMSEG + DEPTH:
        data.set_data({key: PixelData(data=raw[key]["data"])})
    evaluator = Evaluator([MultiTaskMetric()])
    evaluator.dataset_meta = META
    evaluator.process([data])
    assert evaluator.evaluate(1) == pytest.approx(by_functions([raw]))


@pytest.mark.parametrize("keys, groups", [(SEMSEG, {"semseg"}), (DEPTH, {"depth"})])
def test_one_task_alone(keys, groups):
    scores, metric = measure([sample(i, keys) for i in range(3)])
    assert {name.split("/")[0] for name in scores} == groups
    assert (metric.confusion is None) == (metric.per_class is None) == (groups == {"depth"})
    both, _ = measure([sample(i) for i in range(3)], tasks=list(groups))
    assert both == scores


def test_images_without_depth_are_left_out_and_counted():
    samples = [sample(i) for i in range(4)]
    expected, _ = measure(samples[:3], tasks=["depth"])
    assert "depth/images_without_depth" not in expected
    samples[3]["gt_depth_map"]["data"].zero_()
    scores, _ = measure(samples, tasks=["depth"])
    assert scores == {**expected, "depth/images_without_depth": 1}
    scores, _ = measure(samples[3:])
    assert math.isnan(scores["depth/rmse"])
    assert math.isnan(scores["multitask/score"])
    assert not math.isnan(scores["semseg/mIoU"])


def test_options_reach_the_functions():
    samples = [sample(0)]
    maps = [samples[0][key]["data"] for key in DEPTH]
    options = {"min_depth": 2.0, "max_depth": 30.0, "si_lambda": 0.5, "si_scale": 1.0}
    scores, _ = measure(samples, **options)
    expected = depth_errors(*maps, **options)
    assert {name: scores[f"depth/{name}"] for name in expected} == expected

    samples[0]["gt_sem_seg"]["data"].clamp_(max=1)
    samples[0]["pred_sem_seg"]["data"].clamp_(max=1)
    skip, metric = measure(samples, tasks=["semseg"], ignore_label=0)
    zero, _ = measure(samples, tasks=["semseg"], ignore_label=0, absent="zero")
    assert metric.confusion[0].sum() == 0
    # Classes 0 (predicted, never right) and 1 occur, class 2 does not.
    assert zero["semseg/mIoU"] == pytest.approx(skip["semseg/mIoU"] * 2 / 3)


def test_state_does_not_grow():
    metric = MultiTaskMetric()
    metric.dataset_meta = META
    sizes = []
    for index in range(50):
        metric.process(None, [sample(index)])
        sizes.append(len(pickle.dumps(metric.__dict__)))
    # Larger counters take a few bytes more; one more kept image would take far more than 64.
    assert sizes[-1] - sizes[1] < 64
    assert metric.results == []


def test_logs_the_classes_and_warns_of_a_wrong_number_of_images(monkeypatch):
    logged = []
    for module in ("evaluation.multi_task_metric", "utils.command"):
        monkeypatch.setattr(
            f"mtl_plugins.{module}.print_log",
            lambda message, logger, level=logging.INFO: logged.append((level, message)),
        )
    _, metric = measure([sample(0)])
    [(level, message)] = logged
    assert level == logging.INFO
    assert message.endswith(class_table(metric.per_class))
    logged.clear()
    measure([sample(0), sample(1)], size=3)
    assert logged[0][0] == logging.WARNING
    assert "measured 2 images of a data set of 3" in logged[0][1]


def test_refuses_with_the_name_of_the_image():
    wrong = sample(5)
    wrong["pred_depth_map"]["data"] = wrong["pred_depth_map"]["data"][:, :2]
    with pytest.raises(ValueError, match=r"image_5\.png: The predicted depth has shape \(1, 2, 9"):
        measure([wrong])
    with pytest.raises(ValueError, match=r"lacks.*pred_depth_map.*gt_depth_map"):
        measure([sample(0, SEMSEG)], tasks=["semseg", "depth"])
    with pytest.raises(ValueError, match=r"image_0.*tasks names the target 'edges'.*Choose from"):
        measure([sample(0)], tasks=["edges"])
    with pytest.raises(ValueError, match=r"max_depth names the target 'dept'.*mean depth\?"):
        measure([sample(0)], max_depth=dict(dept=80.0))
    with pytest.raises(ValueError, match="None of 1 samples"):
        measure([{"img_path": "a.png"}])
    metric = MultiTaskMetric()
    with pytest.raises(ValueError, match="'classes'"):
        metric.process(None, [sample(0)])
