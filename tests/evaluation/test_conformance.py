"""Metrics against numbers that the field's reference evaluations give on random arrays.

`conformance/conformance.json` lists the cases: the reference (repository, commit, file), the
inputs, what is special, and the values. The arrays beside it are random, not from a data set;
invalid pixels are 255 (labels of 13 classes: -1), 0 (depth, metres) and 0, 0, 0 (normals). The last
image of most files has no valid pixel. The references compute in float32, hence the tolerances.
Cases of losses are in `tests/models/test_loss_conformance.py`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS

from mtl_plugins.datasets import EvaluationCrop, IgnoreEmpty
from mtl_plugins.evaluation import (
    EdgeMetric,
    MultiTaskMetric,
    confusion_matrix,
    delta_m,
    depth_errors,
    edge_counts,
    edge_scores,
    iou_per_class,
    measured_pixels,
    mtan_errors,
    normal_angles,
    pixel_errors,
    semseg_scores,
)
from mtl_plugins.evaluation.edge_matching import suppress_non_maxima
from mtl_plugins.targets import DEPTH, NORMALS, Target
from mtl_plugins.utils import thin

FOLDER = Path(__file__).with_name("conformance")
CASES = {
    each["id"]: each for each in json.loads((FOLDER / "conformance.json").read_text())["cases"]
}
LOSSES = {name for name, case in CASES.items() if case["task"].endswith("loss")}
DEPTH_NAMES = dict(
    silog="si_log_rmse", log_10="log10", log_rmse="rmse_log",
    a1="delta1", a2="delta2", a3="delta3", d1="delta1", d2="delta2", d3="delta3",
)  # fmt: skip
"""Names of the references -> ours."""


def arrays(name):
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


# ---- Depth


def depth(prediction="prediction", images=slice(None), **options):
    maps = arrays("depth")
    pair = (maps[prediction][images][:, None], maps["target"][images][:, None])
    found = measured(DEPTH, (DEPTH.prediction, DEPTH.truth), *pair, **options)
    return {name: found[DEPTH_NAMES.get(name, name)] for name in [*found, *DEPTH_NAMES]
            if DEPTH_NAMES.get(name, name) in found}  # fmt: skip


def pooled(prediction="prediction", images=slice(None)):
    return depth(prediction, images, average="pixels", min_depth=1e-9)


def one_depth():
    maps = arrays("depth")
    pair = maps["prediction"][0], maps["target"][0]
    found = pixel_errors(*measured_pixels(*pair, 0.001, depth_range=(0.001, 10)))
    return {**found, **{name: found[own] for name, own in DEPTH_NAMES.items()}}


def everything_counts():
    """The reference replaces the label 0 by 1e-9 and then counts it; log_rmse is a median."""
    maps = arrays("depth")
    found = []
    for guess, truth in zip(maps["prediction"][:3], maps["target"][:3], strict=True):
        errors = depth_errors(guess, truth.clamp(min=1e-9), 1e-9)
        found.append((errors["rmse"], errors["rmse_log"]))
    rmse, log_rmse = np.transpose(found)
    return dict(rmse=rmse.mean(), log_rmse=np.median(log_rmse))


def masked():
    maps = arrays("depth")
    pairs = zip(maps["prediction"][:3], maps["target"][:3], strict=True)
    per_image = [depth_errors(*pair, 1e-9)["rmse"] for pair in pairs]
    return dict(per_image=per_image, rmse=depth(images=slice(3))["rmse"])


def mtan(*batches, weighted=False):
    maps = arrays("depth")
    pairs = [(maps["prediction"][a:b], maps["target"][a:b]) for a, b in batches]
    weights = [int((truth > 0).sum()) for _, truth in pairs] if weighted else None
    errors = np.average([mtan_errors(*pair) for pair in pairs], axis=0, weights=weights)
    return dict(zip(("abs_err", "rel_err"), errors, strict=True))


def depth_anything():
    limits = dict(min_depth=0.001, max_depth=20.0, si_lambda=0.5, si_scale=1.0)
    names = dict(silog="si_log_rmse", d1="delta1", d2="delta2", d3="delta3")
    maps = arrays("depth")
    first = depth_errors(maps["prediction"][0], maps["target"][0], **limits)
    mean = depth(images=slice(3), **limits)
    return dict(
        image0={**first, **{name: first[own] for name, own in names.items()}},
        mean={**mean, **{name: mean[own] for name, own in names.items()}},
    )


def zoe(index, enlarged):
    """Return the errors inside the reference's window, nan and inf clamped."""
    maps = arrays("depth")
    guess, truth = maps["prediction_special"][index], maps["target"][index]
    top, bottom, left, right = (45, 471, 41, 601) if enlarged else (4, 11, 0, 15)
    if enlarged:
        guess, truth = (each.repeat_interleave(40, 0).repeat_interleave(40, 1)
                        for each in (guess, truth))  # fmt: skip
    results = dict(img=np.zeros((*truth.shape, 3), np.uint8), seg_fields=[DEPTH.array])
    results.update({DEPTH.array: truth.numpy().copy(), "targets": [DEPTH]})
    EvaluationCrop(rows=(top, bottom), columns=(left, right))(results)
    truth = torch.from_numpy(results[DEPTH.array])
    limit = 10 if enlarged else 80
    pixels = measured_pixels(guess, truth, 0.001, limit, nonfinite="clamp")
    found = pixel_errors(*pixels)
    return {**found, **{name: found[own] for name, own in DEPTH_NAMES.items()}}


def windows():
    found = {}
    for size, expected in CASES["evaluation_crops"]["expected"].items():
        height, width = map(int, size.split()[1].split("x"))
        found[size] = {}
        for name in expected:
            depth = np.ones((height, width), np.float32)
            results = {"img": np.zeros((height, width, 3)), "seg_fields": [DEPTH.array]}
            results.update({DEPTH.array: depth, "targets": [DEPTH]})
            window = {} if "nyu" in size else dict(window=name)
            EvaluationCrop(**window)(results)
            rows, columns = depth.any(1).nonzero()[0], depth.any(0).nonzero()[0]
            ends = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            found[size][name] = [int(end) for end in ends]
    return found


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


# ---- Edges


def edges(name):
    parameters = CASES[name]["parameters"]
    maps = {key: values.numpy() for key, values in arrays("edges").items()}
    shown = maps["suppressed" if "nms" in name else "prediction"] / 255
    radius, thinned = parameters["radius_pixels"], parameters["thinning"]
    counts = np.stack(
        [
            edge_counts(image, truth > 0, radius, thinned=thinned)
            for image, truth in zip(shown, maps["target"], strict=True)
        ]
    )
    found = edge_scores(counts)
    scores = {key: found[key] / 100 for key in ("odsF", "oisF", "AP")}
    at = {f"{step / 100:.2f}": counts[:, step - 1].sum(0).tolist() for step in range(10, 100, 10)}
    return dict(
        maximum_matching=dict(scores, ods_threshold=found["threshold"]),
        counts_maximum_matching=at,
    )


def suppressed():
    maps = arrays("edges")
    found = [suppress_non_maxima(image.numpy() / 255) for image in maps["prediction"]]
    kept = np.rint(255 * np.stack(found))
    # The direction of an edge is a matter of rounding where the map is nearly flat.
    expected = maps["suppressed"].numpy()
    assert ((kept > 0) != (expected > 0)).sum(axis=(1, 2)).max() <= 14
    assert (np.abs(kept - expected) > 1).mean() < 0.003
    return dict(nonzero=[pytest.approx(int((each > 0).sum()), abs=5) for each in kept])


def thinned():
    maps = arrays("edges")
    found = np.stack([thin(image.numpy() / 255 >= 0.30) for image in maps["prediction"]])
    assert np.array_equal(found, maps["thinned_at_030"].numpy() > 0)
    return dict(pixels=found.sum(axis=(1, 2)).tolist())


def settings():
    assert "0.011" in EdgeMetric.__doc__
    return dict(max_dist_pascal_context=EdgeMetric().max_dist, max_dist_nyud=0.011,
                thresholds_of_the_older_protocol=len(EdgeMetric().thresholds))  # fmt: skip


BATCHES = (0, 1), (1, 3)
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
    depth_pooled=pooled,
    depth_pooled_4=pooled,
    depth_pooled_nonpositive=lambda: pooled("prediction_nonpositive"),
    depth_pooled_4_nonpositive=lambda: pooled("prediction_nonpositive"),
    depth_per_image_all_valid=lambda: depth(images=slice(2, 3), min_depth=1e-9),
    depth_per_image=everything_counts,
    depth_per_image_masked=masked,
    nyu_depth_one_batch=lambda: mtan((0, 4)),
    nyu_depth_batches=lambda: mtan(*BATCHES),
    nyu_depth_weighted_batches=lambda: mtan(*BATCHES, weighted=True),
    depth_anything_v2=depth_anything,
    compute_errors=one_depth,
    compute_errors_bts=one_depth,
    zoedepth_garg_crop_small=lambda: zoe(2, enlarged=False),
    zoedepth_eigen_crop_nyu_0=lambda: zoe(0, enlarged=True),
    zoedepth_eigen_crop_nyu_1=lambda: zoe(1, enlarged=True),
    evaluation_crops=windows,
    delta_m_nyud=lambda: dict(delta_m=gain("delta_m_nyud", unit=0.01)),
    delta_m_pascal=lambda: dict(delta_m=gain("delta_m_pascal", unit=0.01)),
    delta_p_nyu13=lambda: dict(delta_p=gain("delta_p_nyu13", unit=0.01)),
    delta_m_flat_nyu13=lambda: dict(mean_signed_gain=gain("delta_m_flat_nyu13", "metric")),
    edges_suppression=suppressed,
    edges_thinning=thinned,
    edges_protocol_settings=settings,
    **{
        name: (lambda name=name: edges(name))
        for name, case in CASES.items()
        if "maximum_matching" in case["expected"]
    },
)
"""Name of a case -> our values under the reference's names."""

NOT_OURS = {"F", "mIoUs", "port_odsF", "port_oisF", "port_AP", "port_own_summary",
            "largest_count_difference", "max_dist_bsds", "max_dist_sbd",
            "thresholds_in_that_tool"}  # fmt: skip
"""Values that describe a reference's own way, or curves whose best value is compared."""


def test_every_case_is_tried():
    assert {*FOUND} | LOSSES == {*CASES} and len(CASES) == 78


@pytest.mark.parametrize("name", FOUND)
def test_the_values_are_those_of_the_reference(name):
    tolerance = 1e-5 if "normals" in name else 5e-6
    compare(FOUND[name](), CASES[name]["expected"], tolerance)


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
