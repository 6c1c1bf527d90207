"""Depth errors over all pixels and by distance: by hand, against NumPy, and refusals."""

import math

import numpy as np
import pytest
import torch

from mtl_plugins.evaluation import (
    DEPTH_METRICS,
    MultiTaskMetric,
    depth_errors,
    distance_errors,
    distance_sums,
)
from mtl_plugins.evaluation.depth import BINS_PER_DECADE, NUM_BINS
from tests.evaluation.test_multi_task_metric import META


def random_depths(seed=0, shape=(31, 47)):
    generator = np.random.default_rng(seed)
    target = generator.uniform(0.5, 80, shape).astype(np.float32)
    target[generator.random(shape) < 0.2] = 0
    prediction = generator.uniform(0.5, 80, shape).astype(np.float32)
    return torch.from_numpy(prediction), torch.from_numpy(target)


def by_numpy(prediction, target, si_lambda=1.0, si_scale=100.0):
    """Compute the published formulas on vectors of valid pixels, in float64."""
    valid = target.numpy() > 0
    t = np.maximum(target.numpy()[valid].astype(np.float64), 0.01)
    p = np.maximum(prediction.numpy()[valid].astype(np.float64), 0.01)
    d = np.log(t) - np.log(p)
    worse = np.maximum(p / t, t / p)
    return {
        "si_log_rmse": si_scale * np.sqrt(np.mean(d**2) - si_lambda * np.mean(d) ** 2),
        "rmse": np.sqrt(np.mean((p - t) ** 2)),
        "abs_rel": np.mean(np.abs(p - t) / t),
        "sq_rel": np.mean((p - t) ** 2 / t),
        "rmse_log": np.sqrt(np.mean(d**2)),
        "log10": np.mean(np.abs(np.log10(t) - np.log10(p))),
        **{f"delta{k}": np.mean(worse < 1.25**k) for k in (1, 2, 3)},
    }


def test_errors_by_hand():
    # d = log t - log p = (log 2, 0); the pixel without truth does not count.
    errors = depth_errors(torch.tensor([1.0, 4.0, 7.0]), torch.tensor([2.0, 4.0, 0.0]))
    log2 = math.log(2)
    assert tuple(errors) == DEPTH_METRICS
    assert errors["si_log_rmse"] == pytest.approx(100 * log2 / 2)
    assert errors["rmse"] == pytest.approx(math.sqrt(0.5))
    assert errors["abs_rel"] == pytest.approx(0.25)
    assert errors["sq_rel"] == pytest.approx(0.25)
    assert errors["rmse_log"] == pytest.approx(log2 / math.sqrt(2))
    assert errors["log10"] == pytest.approx(math.log10(2) / 2)
    assert (errors["delta1"], errors["delta2"], errors["delta3"]) == (0.5, 0.5, 0.5)


def test_deltas_are_strict():
    target = torch.ones(4, dtype=torch.float64)
    errors = depth_errors(target * torch.tensor([1.0, 1.25, 1.5, 1.9]), target)
    assert (errors["delta1"], errors["delta2"], errors["delta3"]) == (0.25, 0.75, 1.0)


@pytest.mark.parametrize("si_lambda, si_scale", [(1.0, 100.0), (0.5, 1.0), (0.85, 10.0), (0, 1)])
def test_equals_numpy(si_lambda, si_scale):
    maps = random_depths()
    ours = depth_errors(*maps, si_lambda=si_lambda, si_scale=si_scale)
    assert ours == pytest.approx(by_numpy(*maps, si_lambda, si_scale), rel=1e-9)


def test_si_log_rmse_ignores_a_global_factor_only_at_lambda_one():
    prediction, target = random_depths()
    for si_lambda, ignores in ((1.0, True), (0.5, False)):
        one, three = (
            depth_errors(factor * prediction, target, si_lambda=si_lambda)["si_log_rmse"]
            for factor in (1, 3)
        )
        assert (one == pytest.approx(three, rel=1e-6)) is ignores


@pytest.mark.parametrize("factor", [1.0, 1.1, 3.7, 1e-3])
def test_a_scaled_truth_never_rounds_below_zero(factor):
    _, target = random_depths(shape=(200, 300))
    target = target.double()
    error = depth_errors(factor * target, target, min_depth=1e-9)["si_log_rmse"]
    assert 0 <= error < 1e-9


def test_invalid_pixels_change_nothing():
    prediction, target = random_depths()
    expected = depth_errors(prediction, target)
    invalid = target == 0
    for value in (0.0, -3.0, 1e9, math.nan, math.inf):
        assert depth_errors(prediction.masked_fill(invalid, value), target) == expected
    for value in (-1.0, math.nan, math.inf):
        assert depth_errors(prediction, target.masked_fill(invalid, value)) == expected
    assert depth_errors(prediction.masked_fill(~invalid, 5.0), target) != expected


def test_predictions_and_targets_are_clamped():
    near = depth_errors(torch.tensor([-5.0, 1.0]), torch.tensor([1.0, 0.001]))
    assert near == depth_errors(torch.tensor([0.01, 1.0]), torch.tensor([1.0, 0.01]))
    far = depth_errors(torch.tensor([99.0, 7.0]), torch.tensor([60.0, 90.0]), max_depth=80)
    assert far == depth_errors(torch.tensor([80.0]), torch.tensor([60.0]))


def test_no_valid_pixel_gives_none():
    assert depth_errors(torch.ones(2, 2), torch.zeros(2, 2)) is None
    assert depth_errors(torch.ones(2, 2), torch.full((2, 2), 90.0), max_depth=80) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_predictions_that_are_not_finite_are_refused(value):
    prediction, target = torch.ones(3), torch.tensor([1.0, 1.0, 0.0])
    prediction[1] = value
    with pytest.raises(ValueError, match="at 1 of 2 measured"):
        depth_errors(prediction, target)


@pytest.mark.parametrize(
    "option, match",
    [
        ({"min_depth": 0}, "min_depth=0"),
        ({"max_depth": 0.001}, "max_depth"),
        ({"si_lambda": 1.5}, "si_lambda=1.5"),
    ],
)
def test_refuses_options_out_of_range(option, match):
    with pytest.raises(ValueError, match=match):
        depth_errors(torch.ones(2), torch.ones(2), **option)


def test_refuses_maps_of_different_shape():
    with pytest.raises(ValueError, match=r"\(1, 2\).*\(2,\)"):
        depth_errors(torch.ones(1, 2), torch.ones(2))


def test_half_precision_predictions_are_measured_in_double():
    prediction, target = random_depths()
    half = prediction.half()
    assert depth_errors(half, target) == depth_errors(half.double(), target)


def test_errors_of_each_bin_by_hand():
    truth = torch.tensor([1.0, 1.0, 1.2, 10.0, 0.001, 5000.0])
    guess = torch.tensor([2.0, 0.5, 1.2, 30.0, 0.002, 5000.0])
    errors = distance_errors(distance_sums(guess, truth))
    step = 10 ** (1 / BINS_PER_DECADE)
    assert errors["near"] == pytest.approx([0.1, 1.0, 10.0, 1000 / step])
    assert errors["far"] == pytest.approx([0.1 * step, step, 10 * step, 1000.0])
    assert errors["pixels"] == [1, 3, 1, 1]
    assert errors["abs_rel"] == pytest.approx([1, (1 + 0.5 + 0) / 3, 2, 0])
    assert errors["log_bias"] == pytest.approx([math.log(2), 0, math.log(3), 0])
    expected = [math.log(2), math.log(2) * math.sqrt(2 / 3), math.log(3), 0]
    assert errors["rmse_log"] == pytest.approx(expected)


def test_a_lower_edge_belongs_to_its_bin_and_parts_add_up():
    edges = 0.1 * 10 ** (torch.arange(NUM_BINS, dtype=torch.float64) / BINS_PER_DECADE)
    sums = distance_sums(2 * edges, edges)
    assert sums[:, 0].tolist() == [1] * NUM_BINS
    parts = distance_sums(2 * edges[:5], edges[:5]) + distance_sums(2 * edges[5:], edges[5:])
    torch.testing.assert_close(parts, sums)


def test_the_metric_sums_valid_pixels_by_distance():
    def sample(truth, guess):
        maps = dict(gt_depth_map=truth, pred_depth_map=guess)
        return {key: {"data": torch.tensor([[row]])} for key, row in maps.items()}

    metric = MultiTaskMetric(max_depth=80.0)
    metric.dataset_meta = META
    metric.process(None, [sample([1.0, 0.0, 90.0], [2.0, 7.0, 7.0]), sample([1.1], [1.1])])
    metric.evaluate(2)
    assert metric.distance_errors["pixels"] == [2]
    assert metric.distance_errors["abs_rel"] == pytest.approx([0.5])
    metric.process(None, [sample([0.0], [1.0])])
    metric.evaluate(1)
    assert metric.distance_errors is None
