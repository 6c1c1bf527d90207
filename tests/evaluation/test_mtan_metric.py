"""MTAN's depth errors by hand, of depth and of inverse depth."""

from __future__ import annotations

import math

import pytest
import torch

from mtl_plugins.errors import DataError
from mtl_plugins.evaluation import MTANDepthMetric, mtan_errors


def sample(prediction, truth):
    return dict(
        img_path="a.png",
        pred_depth_map=dict(data=torch.tensor(prediction)),
        gt_depth_map=dict(data=torch.tensor(truth)),
    )


# Errors of the depth 2 and 0 of truths 4 and 2; of the inverse 1/4 and 0 of 1/4 and 1/2.
FIRST = sample([[[2.0, 2.0, 7.0]]], [[[4.0, 2.0, 0.0]]])
SECOND = sample([[[8.0]]], [[[4.0]]])
NONE = sample([[[3.0]]], [[[0.0]]])


@pytest.mark.parametrize(
    ("inverse", "absolute", "relative"),
    [
        (False, (1 + 4) / 2, (0.25 + 1) / 2),
        (True, (0.125 + 0.125) / 2, (0.5 + 0.5) / 2),
    ],
)
def test_images_have_equal_weight_and_those_without_depth_are_left_out(inverse, absolute, relative):
    metric = MTANDepthMetric(inverse)
    metric.process(None, [FIRST, SECOND])
    metric.process(None, [NONE])
    expected = {"mtan/abs_err": absolute, "mtan/rel_err": relative}
    assert metric.evaluate(3) == pytest.approx(expected)


def test_without_any_depth_there_is_no_number():
    metric = MTANDepthMetric()
    metric.process(None, [NONE])
    assert all(math.isnan(value) for value in metric.evaluate(1).values())


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_invalid_predictions_are_refused_with_the_image(value):
    with pytest.raises(DataError, match=r"a\.png: The predicted depth"):
        MTANDepthMetric().process(None, [sample([[[value]]], [[[4.0]]])])
    assert mtan_errors(torch.tensor([value, 1.0]), torch.tensor([0.0, 1.0])) == (0, 0)


def test_missing_or_unequal_maps_are_refused():
    with pytest.raises(DataError, match=r"a\.png: .*gt_depth_map"):
        MTANDepthMetric().process(None, [{k: v for k, v in FIRST.items() if k != "gt_depth_map"}])
    with pytest.raises(DataError, match="must be equal"):
        MTANDepthMetric().process(None, [sample([[[1.0]]], [[[1.0, 1.0]]])])
