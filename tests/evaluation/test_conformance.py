"""Metrics against numbers that the field's reference evaluations give on random arrays.

Of the cases in `tests/conformance`, those of classes, masks, normals and several tasks. Those
of depth, edges and losses have files of their own.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl_plugins.datasets import IgnoreEmpty
from mtl_plugins.evaluation import (
    MultiTaskMetric,
    confusion_matrix,
    delta_m,
    iou_per_class,
    normal_angles,
    semseg_scores,
)
from mtl_plugins.targets import NORMALS, Target
from tests.conformance import BATCHES, CASES, arrays, cases_of, compare, measured

# ---- Saliency


def saliency(logits, truth, protocol):
    maps = arrays("saliency")
    logits, truth = maps[logits], maps[truth]
    shown = logits.softmax(1)[:, 1:] if logits.shape[1] == 2 else logits.sigmoid()
    target = Target("saliency", "binary")
    keys = (target.extra("probability"), target.truth)
    images = slice(3) if protocol == "per_image" else slice(4)
    found = measured(
        target, keys, shown[images], truth[images, None], "SaliencyMetric", protocol=protocol
    )
    return {name: value / 100 for name, value in found.items()}


def corrected():
    found = saliency("logit2", "target_ignore", "pooled")
    return {name: 100 * value for name, value in found.items()}


# ---- Classes


def labels(name, ignored=255):
    maps = arrays("labels")
    truth = maps[f"{name}_target"].long()
    return maps[f"{name}_pred"].long(), truth.where(truth != ignored, 255)


def classes(name, number, images=slice(None), **options):
    """Return the fractions of a metric of classes, and the IoU of each class."""
    guess, truth = labels(name, -1 if name == "semseg13" else 255)
    target = Target("semseg", "classes", classes=tuple(map(str, range(number))))
    keys = (target.prediction, target.truth)
    found = measured(target, keys, guess[images, None], truth[images, None], **options)
    iou = iou_per_class(confusion_matrix(guess, truth, number)).nan_to_num(0) / 100
    return dict(
        mIoU=found["mIoU"] / 100,
        pixel_accuracy=found["aAcc"] / 100,
        iou=iou.tolist(),
        classes_absent=int((iou_per_class(confusion_matrix(guess, truth, number)).isnan()).sum()),
    )


def some_rows():
    guess, truth = labels("semseg13", -1)
    found = semseg_scores(confusion_matrix(guess[2, :4], truth[2, :4], 13), absent="nan")
    return dict(mIoU=found["mIoU"] / 100, pixel_accuracy=found["aAcc"] / 100)


def people_only():
    guess, truth = labels("parts")
    target = Target("parts", "classes", classes=tuple("abcdefg"))
    seen = []
    for each in truth.numpy().astype(np.uint8):
        results = {target.array: each.copy(), "seg_fields": [target.array], "targets": [target]}
        seen.append(torch.from_numpy(IgnoreEmpty("parts")(results)[target.array]).long())
    found = semseg_scores(confusion_matrix(guess, torch.stack(seen), 7))
    iou = iou_per_class(confusion_matrix(guess, torch.stack(seen), 7)) / 100
    counted = [int((each != 255).sum()) for each in seen]
    return dict(mIoU=found["mIoU"] / 100, iou=iou.tolist(), valid_pixels_per_image=counted)


def all_zero_rule():
    _, truth = labels("parts")
    assert not (truth == 0).flatten(1).all(1).any()  # so that the rule changes nothing
    counted = (truth != 255).flatten(1).sum(1).tolist()
    return dict(classes("parts", 7), valid_pixels_per_image=counted)


# ---- Normals

SHARES = {"11.25": "within_11.25", "22.5": "within_22.5", "30": "within_30"}


def normals(**options):
    maps = arrays("normals")
    keys = (NORMALS.prediction, NORMALS.truth)
    found = measured(NORMALS, keys, maps["prediction"], maps["target"], **options)
    values = {name: found[own] for name, own in SHARES.items()}
    return dict(values, mean=found["mean_angle"], rmse=found["rmse_angle"])


def named_rmse():
    """The reference's key `rmse` holds the mean."""
    found = normals()
    return dict(found, rmse=found["mean"])


def angles_of(*batches):
    """Return the means over batches of the means and medians of their pixels."""
    maps = arrays("normals")
    found = []
    for first, last in batches:
        pair = (
            maps[key][first:last].transpose(0, 1).flatten(2) for key in ("prediction", "target")
        )
        angles = normal_angles(*pair)
        shares = {n: float((angles < float(n)).double().mean()) for n in SHARES}
        found.append(dict(shares, mean=float(angles.mean()), median=float(np.median(angles))))
    return {name: np.mean([each[name] for each in found]) for name in found[0]}


def stored_median():
    maps = arrays("normals")
    metric = MultiTaskMetric(stored=True)
    found = normals(stored=True)
    keys = (NORMALS.prediction, NORMALS.truth)
    scores = measured(NORMALS, keys, maps["prediction"], maps["target"], stored=True)
    assert metric.options["stored"]
    return dict(found, median=pytest.approx(scores["median_angle"], abs=0.006))


# ---- Several tasks


def gain(name, averaging="task", unit=1.0):
    case = CASES[name]["inputs"]
    single, multi, errors = {}, {}, set()
    for task, values in case["single"].items():
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for metric, value in pairs:
            key = f"{task}/{metric}"
            single[key], multi[key] = value, case["multi"][task][metric]
            better = case.get("higher_is_better", {}).get(task)
            lower = metric in ("rmse", "mean") if better is None else not better[metric]
            errors |= {key} if lower else set()
    return unit * delta_m(multi, single, errors, averaging=averaging)


FOUND = dict(
    saliency_per_image_beta1=lambda: saliency("logit1", "target", "per_image"),
    saliency_per_image_no_object=lambda: saliency("logit1", "target_no_object", "per_image"),
    saliency_per_image_255=lambda: saliency("logit1", "target_ignore", "per_image"),
    saliency_pooled_beta03=lambda: saliency("logit2", "target_ignore", "pooled"),
    saliency_pooled_beta03_one_channel=lambda: saliency("logit1", "target_ignore", "pooled"),
    saliency_squashed_twice=lambda: saliency("logit2", "target_ignore", "squashed_twice"),
    saliency_corrected=corrected,
    semseg_miou_40=lambda: classes("semseg40", 40, absent="zero"),
    semseg_miou_21=lambda: classes("semseg21", 21, absent="zero"),
    semseg_miou_40_macro=lambda: classes("semseg40", 40, absent="zero"),
    parts_miou_raw_labels=lambda: classes("parts", 7),
    parts_miou_people_only=people_only,
    parts_miou_all_zero_rule=all_zero_rule,
    nyu13_new_formula=lambda: classes("semseg13", 13, absent="nan"),
    nyu13_new_formula_absent_class=some_rows,
    nyu13_old_formula=lambda: classes("semseg13", 13, slice(3), average="images"),
    nyu13_new_formula_3_images=lambda: classes("semseg13", 13, slice(3)),
    normals_meter_arccos=named_rmse,
    normals_stored_images=stored_median,
    normals_atan2=normals,
    normals_atan2_atrc=normals,
    nyu_normals_one_batch=lambda: angles_of((0, 4)),
    nyu_normals_batches=lambda: angles_of(*BATCHES),
    nyu_normals_pooled=lambda: angles_of((0, 3)),
    delta_m_nyud=lambda: dict(delta_m=gain("delta_m_nyud", unit=0.01)),
    delta_m_pascal=lambda: dict(delta_m=gain("delta_m_pascal", unit=0.01)),
    delta_p_nyu13=lambda: dict(delta_p=gain("delta_p_nyu13", unit=0.01)),
    delta_m_flat_nyu13=lambda: dict(mean_signed_gain=gain("delta_m_flat_nyu13", "metric")),
)
"""Name of a case -> our values under the reference's names."""


def test_every_case_is_tried():
    assert cases_of("semseg", "parts", "saliency", "normals", "delta_m") == {*FOUND}
    assert len(cases_of()) == 78


@pytest.mark.parametrize("name", FOUND)
def test_the_values_are_those_of_the_reference(name):
    tolerance = 1e-5 if "normals" in name else 5e-6
    compare(FOUND[name](), CASES[name]["expected"], tolerance)
