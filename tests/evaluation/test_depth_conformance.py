"""Metrics of depth against numbers of the field's reference evaluations.

Of the cases in `tests/conformance`, those of depth.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl_plugins.datasets import EvaluationCrop
from mtl_plugins.evaluation import depth_errors, measured_pixels, mtan_errors, pixel_errors
from mtl_plugins.targets import DEPTH
from tests.conformance import BATCHES, CASES, arrays, cases_of, compare, measured

NAMES = dict(
    silog="si_log_rmse", log_10="log10", log_rmse="rmse_log",
    a1="delta1", a2="delta2", a3="delta3", d1="delta1", d2="delta2", d3="delta3",
)  # fmt: skip
"""Names of the references -> ours."""


def depth(prediction="prediction", images=slice(None), **options):
    maps = arrays("depth")
    pair = (maps[prediction][images][:, None], maps["target"][images][:, None])
    found = measured(DEPTH, (DEPTH.prediction, DEPTH.truth), *pair, **options)
    return {name: found[NAMES.get(name, name)] for name in [*found, *NAMES]
            if NAMES.get(name, name) in found}  # fmt: skip


def pooled(prediction="prediction", images=slice(None)):
    return depth(prediction, images, average="pixels", min_depth=1e-9)


def one_depth():
    maps = arrays("depth")
    pair = maps["prediction"][0], maps["target"][0]
    found = pixel_errors(*measured_pixels(*pair, 0.001, depth_range=(0.001, 10)))
    return {**found, **{name: found[own] for name, own in NAMES.items()}}


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
    return {**found, **{name: found[own] for name, own in NAMES.items()}}


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


FOUND = dict(
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
)
"""Name of a case -> our values under the reference's names."""


def test_every_case_is_tried():
    assert cases_of("depth") == {*FOUND}


@pytest.mark.parametrize("name", FOUND)
def test_the_values_are_those_of_the_reference(name):
    compare(FOUND[name](), CASES[name]["expected"], 5e-6)
