"""Depth errors over the distance, by hand and through the metric."""

import math

import pytest
import torch

from mtl_plugins.evaluation import MultiTaskMetric, distance_errors, distance_sums
from mtl_plugins.evaluation.functional.depth import BINS_PER_DECADE, NUM_BINS
from tests.evaluation.test_multi_task_metric import META


def test_each_bin_by_hand():
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


def test_the_metric_keeps_them_of_valid_pixels_only():
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
