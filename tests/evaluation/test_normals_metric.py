"""Angles and scores by hand, against NumPy, and refusals."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mtl_plugins.evaluation import NormalsMetric, normal_angles


def turned(degrees):
    """Return 3,1,W vectors of length 2 at angles to z, and z itself."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    guess = 2 * torch.stack([angle.sin(), angle * 0, angle.cos()])[:, None]
    truth = torch.zeros_like(guess)
    truth[2] = 1
    return guess, truth


def as_sample(guess, truth, name="a.png"):
    return dict(img_path=name, pred_normal_map=dict(data=guess), gt_normal_map=dict(data=truth))


def measure(samples, size=None):
    metric = NormalsMetric()
    for one in samples:
        metric.process(None, [one])
    return metric.evaluate(len(samples) if size is None else size)


def random_sample(index):
    generator = torch.Generator().manual_seed(index)
    truth = F.normalize(torch.randn(3, 5 + index % 2, 7, generator=generator), dim=0)
    guess = truth + 0.4 * torch.randn(truth.shape, generator=generator)
    truth[:, 0] = 0
    return as_sample(guess, truth)


def test_tiny_angles_are_accurate():
    degrees = [0.0, 1e-5, 11.25, 90.0, 179.0, 180.0]
    assert normal_angles(*turned(degrees)).tolist() == pytest.approx(degrees, rel=1e-9, abs=1e-12)


def test_scores_by_hand():
    guess, truth = turned([5.0, 15.0, 25.0, 100.0, 170.0])
    truth[:, :, 4] = 0
    scores = measure([as_sample(guess, truth)])
    assert scores == {
        "normals/mean_angle": pytest.approx(145 / 4),
        "normals/median_angle": pytest.approx(20, abs=0.01),
        "normals/within_11.25": 25,
        "normals/within_22.5": 50,
        "normals/within_30": 75,
        "normals/rmse_angle": pytest.approx(((25 + 225 + 625 + 10000) / 4) ** 0.5),
    }


def test_a_vector_of_length_0_counts_as_a_right_angle():
    guess, truth = turned([0.0])
    assert normal_angles(guess * 0, truth).tolist() == [90]


def test_scores_of_many_images_equal_numpy_over_all_pixels():
    samples = [random_sample(i) for i in range(6)]
    pairs = [(s["pred_normal_map"]["data"], s["gt_normal_map"]["data"]) for s in samples]
    angles = np.concatenate([normal_angles(*pair).numpy() for pair in pairs])
    scores = measure(samples)
    assert scores["normals/mean_angle"] == pytest.approx(angles.mean())
    assert scores["normals/median_angle"] == pytest.approx(np.median(angles), abs=0.005)
    assert scores["normals/within_22.5"] == pytest.approx(100 * (angles < 22.5).mean())


def test_images_without_normals_are_left_out_and_counted():
    samples = [random_sample(0), random_sample(1)]
    expected = measure(samples)
    assert "normals/images_without_normals" not in expected
    empty = random_sample(2)
    empty["gt_normal_map"]["data"].zero_()
    scores = measure([*samples, empty])
    assert scores == {**expected, "normals/images_without_normals": 1}
    assert math.isnan(measure([empty])["normals/median_angle"])


def test_state_does_not_grow():
    metric, sizes = NormalsMetric(), []
    for index in range(20):
        metric.process(None, [random_sample(index)])
        sizes.append(len(pickle.dumps(metric.__dict__)))
    assert sizes[-1] - sizes[1] < 64


def test_refuses_with_the_name_of_the_image():
    guess, truth = turned([1.0, 2.0])
    with pytest.raises(ValueError, match=r"b\.png: The predicted normals have shape \(3, 1, 1\)"):
        measure([as_sample(guess[..., :1], truth, "b.png")])
    guess[0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="nan or infinite at 1 of 2"):
        measure([as_sample(guess, truth)])
    with pytest.raises(ValueError, match=r"lacks \['pred_normal_map'\].*measure 'normals'"):
        measure([dict(img_path="a.png", gt_normal_map=dict(data=truth))])
