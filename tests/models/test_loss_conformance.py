"""Losses against values and gradients of the field's reference implementations.

Of the cases in `tests/conformance`, those of losses. `loss` is the value, `grad_l1` the sum of the
absolute values of its gradient with respect to the prediction.
"""

from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import MODELS

from mtl_plugins.evaluation import measured_pixels
from tests.conformance import CASES, arrays, cases_of

TOLERANCE = 1e-5


def both(prediction, loss):
    """Return the value of a loss as a function of the prediction, and the size of its gradient."""
    prediction = prediction.float().requires_grad_()
    value = loss(prediction)
    value.backward()
    return dict(loss=value.item(), grad_l1=prediction.grad.abs().sum().item())


def mask(file, prediction, target, images=slice(None), ignored=True, **options):
    """Return the loss of a mask; with two channels the logit is their difference."""
    maps = arrays(file)
    logits, truth = (
        maps[prediction][images],
        maps[target][images].view(-1, 1, *maps[target].shape[-2:]),
    )
    if not ignored:
        truth = truth.clamp(max=1)
    loss = MODELS.build(dict(type="BalancedCrossEntropyLoss", **options))
    valid = truth != 255
    return both(
        logits, lambda x: loss(x[:, -1:] - (x[:, :1] if x.shape[1] == 2 else 0), truth, valid)
    )


def edges(target="edge_target", **options):
    return mask("losses", "edge_logit", target, **options)


def classes():
    maps = arrays("losses")
    loss = MODELS.build(dict(type="MaskedCrossEntropyLoss"))
    return both(maps["semseg_logit"], lambda x: loss(x, maps["semseg_target"].long()))


def normals(kind, **options):
    maps = arrays("normals")
    loss = MODELS.build(dict(type=kind, **options))
    valid = maps["target"].any(1, keepdim=True)
    return both(maps["prediction"], lambda x: loss(x, maps["target"], valid))


def depth(kind, **options):
    maps = arrays("depth")
    prediction, target = maps["prediction"][:, None], maps["target"][:, None]
    valid = target > 0
    loss = MODELS.build(dict(type=kind, **options))
    return both(prediction, lambda x: loss(x, target, valid))


def silog(**options):
    return depth("SILogLoss", average="pixels", **options)


def matching_by_image():
    """The reference's mean is over all 4 images; ours leaves out the one without truth."""
    found = depth("GradientMatchingLoss", average="images")
    return {name: 3 / 4 * value for name, value in found.items()}


def fit():
    """Find factor and shift in a prediction that was aligned for its evaluation."""
    maps = arrays("depth")
    scales, shifts = [], []
    for pair in zip(maps["prediction"], maps["target"], strict=True):
        (before, _), (after, _) = (
            measured_pixels(*pair, 1e-9, align=align) for align in (None, "least_squares")
        )
        scale, shift = np.polyfit(before, after, 1) if len(before) else (0.0, 0.0)
        scales.append(pytest.approx(scale, rel=TOLERANCE))
        shifts.append(pytest.approx(shift, rel=TOLERANCE))
    return dict(scale=scales, shift=shifts)


HED = dict(positive_weight=None)
"""The share of the negatives among the valid pixels."""
FOUND = dict(
    edge_bce_095=lambda: edges(positive_weight=0.95),
    edge_bce_hed=lambda: edges(**HED),
    edge_bce_095_255=lambda: edges("edge_target_ignore", ignored=False, positive_weight=0.95),
    edge_bce_ignore_095=lambda: edges("edge_target_ignore", positive_weight=0.95),
    edge_bce_ignore_088=lambda: edges("edge_target_ignore", positive_weight=0.88),
    edge_bce_ignore_hed=lambda: edges("edge_target_ignore", **HED),
    saliency_loss_one_channel=lambda: mask("saliency", "logit1", "target", slice(3), **HED),
    saliency_loss_two_channels=lambda: mask("saliency", "logit2", "target_ignore", slice(3), **HED),
    semseg_ce=classes,
    normals_l1_per_component=lambda: normals("DirectionL1Loss", average="components"),
    normals_l1_per_pixel=lambda: normals("DirectionL1Loss", average="pixels"),
    normals_one_minus_dot=lambda: normals("CosineLoss"),
    depth_l1=lambda: depth("MaskedL1Loss"),
    depth_l1_invpt=lambda: depth("MaskedL1Loss"),
    depth_l1_nyu=lambda: depth("MaskedL1Loss"),
    silog_dav2=lambda: silog(gamma=0.5),
    silog_adabins=lambda: silog(unbiased=True, loss_weight=10.0),
    silog_zoedepth=lambda: silog(unbiased=True, loss_weight=10.0),
    silog_bts=lambda: silog(loss_weight=10.0),
    gradient_l1_zoedepth=lambda: depth("GradientL1Loss"),
    gradient_matching_batch=lambda: depth("GradientMatchingLoss"),
    gradient_matching_image=matching_by_image,
    gradient_matching_log=lambda: depth("GradientMatchingLoss", space="log"),
    scale_and_shift=fit,
)
"""Name of a case -> our values."""


def test_every_case_is_tried():
    tasks = [f"{task} loss" for task in ("edge", "saliency", "semseg", "normals", "depth")]
    assert cases_of(*tasks) == {*FOUND}


@pytest.mark.parametrize("name", FOUND)
def test_the_values_are_those_of_the_reference(name):
    expected = CASES[name]["expected"]
    assert FOUND[name]() == {
        key: value if isinstance(value, list) else pytest.approx(value, rel=TOLERANCE)
        for key, value in expected.items()
    }
