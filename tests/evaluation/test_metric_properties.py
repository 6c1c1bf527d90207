"""Properties of metrics: streamed over any batches they equal NumPy over all pixels at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmseg.registry import METRICS

from mtl_plugins.evaluation import DEPTH_METRICS, depth_errors, distance_errors, distance_sums
from tests.properties import PROPERTY

CLASSES = 4
KEYS = dict(
    semseg=("pred_sem_seg", "gt_sem_seg"),
    depth=("pred_depth_map", "gt_depth_map"),
    normals=("pred_normal_map", "gt_normal_map"),
)
METRIC_TYPES = ("MultiTaskMetric", "NormalsMetric", "MTANDepthMetric")


def image(random, size, share):
    """Return a sample of three tasks; a share of its pixels has truth."""
    known = random.random((3, 1, *size)) < share
    depth = 10 ** random.uniform(-2, 3, (2, 1, *size))
    normals = random.normal(size=(2, 3, *size))
    normals[1] /= np.linalg.norm(normals[1], axis=0)
    # A network may predict vectors of length 0.
    normals[0] *= random.random((1, *size)) < 0.9
    labels = random.integers(0, CLASSES, (2, 1, *size))
    return dict(
        pred_sem_seg=labels[0],
        gt_sem_seg=np.where(known[0], labels[1], 255),
        pred_depth_map=depth[0].astype(np.float32),
        gt_depth_map=np.where(known[1], depth[1], 0).astype(np.float32),
        pred_normal_map=normals[0].astype(np.float32),
        gt_normal_map=np.where(known[2], normals[1], 0).astype(np.float32),
    )


@st.composite
def data_sets(draw):
    """Draw images of different sizes with truth for all, some or no pixels."""
    random = np.random.default_rng(draw(st.integers(0, 9999)))
    sides = st.tuples(st.integers(1, 7), st.integers(1, 7))
    shares = st.sampled_from([0.0, 0.05, 0.5, 1.0])
    chosen = draw(st.lists(st.tuples(sides, shares), min_size=1, max_size=6))
    return [image(random, *each) for each in chosen]


def streamed(images, cuts):
    """Measure batch by batch and return the metrics of all three classes."""
    found = {}
    batches = np.split(np.arange(len(images)), sorted(cut % (len(images) + 1) for cut in cuts))
    for name in METRIC_TYPES:
        metric = METRICS.build(dict(type=name))
        metric.dataset_meta = dict(classes=tuple("abcd"))
        for batch in batches:
            metric.process(
                None,
                [{k: dict(data=torch.from_numpy(v)) for k, v in images[i].items()} for i in batch],
            )
        found |= metric.evaluate(len(images))
    return found


def mean(values):
    return float(np.mean(values)) if len(values) else math.nan


def at_once(images):
    """Compute the same metrics with NumPy from all pixels in one array."""
    pairs = {kind: [[i[key] for key in keys] for i in images] for kind, keys in KEYS.items()}
    guess, truth = (np.concatenate([p[side].ravel() for p in pairs["semseg"]]) for side in (0, 1))
    guess, truth = guess[truth != 255], truth[truth != 255]
    ious, recalls = [], []
    for c in range(CLASSES):
        either = ((guess == c) | (truth == c)).sum()
        if either:
            ious.append(100 * ((guess == c) & (truth == c)).sum() / either)
        if (truth == c).any():
            recalls.append(100 * (guess[truth == c] == c).mean())
    found = {"semseg/mIoU": mean(ious), "semseg/mAcc": mean(recalls),
             "semseg/aAcc": mean(100.0 * (guess == truth))}  # fmt: skip
    per_image, mtan = [], []
    for p, t in pairs["depth"]:
        p, t = p[t > 0].astype(float), t[t > 0].astype(float)
        if t.size:
            mtan.append([np.abs(p - t).mean(), (np.abs(p - t) / t).mean()])
            p, t = np.maximum(p, 0.01), np.maximum(t, 0.01)
            d, worse = np.log(p) - np.log(t), np.maximum(p / t, t / p)
            per_image.append(
                [100 * d.std(), np.sqrt(((p - t) ** 2).mean()), (np.abs(p - t) / t).mean(),
                 ((p - t) ** 2 / t).mean(), np.sqrt((d**2).mean()),
                 np.abs(np.log10(p) - np.log10(t)).mean(),
                 *((worse < 1.25**k).mean() for k in (1, 2, 3))]
            )  # fmt: skip
    for index, name in enumerate(DEPTH_METRICS):
        found[f"depth/{name}"] = mean([values[index] for values in per_image])
    for index, name in enumerate(("abs_err", "rel_err")):
        found[f"mtan/{name}"] = mean([values[index] for values in mtan])
    guess, truth = (
        np.concatenate([p[side].reshape(3, -1) for p in pairs["normals"]], 1).astype(float)
        for side in (0, 1)
    )
    there = truth.any(0)
    guess, truth = guess[:, there], truth[:, there]
    length = np.linalg.norm(guess, axis=0) * np.linalg.norm(truth, axis=0)
    cosine = np.where(length > 0, (guess * truth).sum(0) / np.where(length > 0, length, 1), 0)
    angles = np.rad2deg(np.arccos(cosine.clip(-1, 1)))
    found["normals/mean_angle"] = mean(angles)
    found["normals/median_angle"] = float(np.median(angles)) if angles.size else math.nan
    for degrees in (11.25, 22.5, 30.0):
        found[f"normals/within_{degrees:g}"] = mean(100.0 * (angles < degrees))
    return found


@PROPERTY
@given(data_sets(), st.lists(st.integers(0, 6), max_size=4))
def test_streaming_any_batches_is_measuring_all_at_once(images, cuts):
    found, expected = streamed(images, cuts), at_once(images)
    for name, value in expected.items():
        tolerance = 0.02 if name.endswith("angle") else 1e-4
        assert found[name] == pytest.approx(value, rel=1e-6, abs=tolerance, nan_ok=True), name
    without = sum(not i["gt_depth_map"].any() for i in images)
    assert found.get("depth/images_without_depth", 0) == without


@PROPERTY
@given(data_sets(), st.sampled_from([0.0, -7.0, 1e30, math.inf, math.nan]))
def test_predictions_without_truth_do_not_count(images, value):
    changed = []
    for each in images:
        other = dict(each)
        for kind, (guess, truth) in KEYS.items():
            unknown = each[truth] == 255 if kind == "semseg" else ~each[truth].any(0)
            wrong = 3 if kind == "semseg" else value
            other[guess] = np.where(unknown, np.array(wrong, each[guess].dtype), each[guess])
        changed.append(other)
    assert streamed(changed, []) == pytest.approx(streamed(images, []), nan_ok=True)


@PROPERTY
@given(data_sets(), st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_matter_and_all_numbers_are_in_their_range(images, random):
    shuffled = random.sample(images, len(images))
    found = streamed(images, [])
    assert streamed(shuffled, [2]) == pytest.approx(found, rel=1e-9, nan_ok=True)
    for kind, (_, truth) in KEYS.items():
        nothing = all((i[truth] == (255 if kind == "semseg" else 0)).all() for i in images)
        names = [name for name in found if name.startswith(kind) and "without" not in name]
        assert {math.isnan(found[name]) for name in names} == {nothing}, kind
    for name, value in found.items():
        percent = name.startswith("semseg") or "within" in name
        highest = 100 if percent else 180 if "angle" in name else 1 if "delta" in name else math.inf
        assert math.isnan(value) or 0 <= value <= highest, name
    assert math.isnan(found["depth/delta1"]) or (
        found["depth/delta1"] <= found["depth/delta2"] <= found["depth/delta3"]
    )


@PROPERTY
@given(st.lists(st.tuples(st.floats(0, 1e30), st.floats(1e-30, 1e30)), min_size=1, max_size=30))
def test_any_finite_depths_have_finite_errors(pairs):
    guess, truth = torch.tensor(pairs, dtype=torch.float64).T.float()
    errors = depth_errors(guess, truth.clamp(min=1e-30))
    assert all(map(math.isfinite, errors.values()))
    limited = guess.clamp(min=0.01), truth.clamp(min=0.01)
    by_distance = distance_errors(distance_sums(*limited))
    assert sum(by_distance["pixels"]) == len(pairs)
    assert all(math.isfinite(v) for column in by_distance.values() for v in column)
