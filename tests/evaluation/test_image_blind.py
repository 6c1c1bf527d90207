"""Predictors that ignore the image, of every type: by hand and against NumPy."""

import numpy as np
import pytest

from mtl_plugins.evaluation import MultiTaskMetric, evaluate_image_blind, fit_image_blind
from mtl_plugins.targets import DEPTH, NORMALS, Target

SEMSEG = Target("semseg", "classes", classes=("road", "car", "sky", "tree"))
EDGES = Target("edges", "binary")
HEIGHT = Target("height", "scalar")
FLOW = Target("flow", "offset")
NAN = np.nan


def labels(*rows):
    return np.array(rows, dtype=np.uint8)


def numbers(*rows):
    return np.array(rows, dtype=np.float32)


def fit(truths, *targets, **options):
    return fit_image_blind(truths, targets, progress=False, **options)


def both(semseg, depth):
    return dict(semseg=semseg, depth=depth)


TRAIN = [
    both(labels([0, 1], [255, 2]), numbers([1, 0], [5, 8])),
    both(labels([0, 1], [255, 0]), numbers([3, 0], [0, 2])),
    both(labels([1, 0], [255, 0]), numbers([9, 0], [7, 4])),
]


def test_majority_and_median_by_hand():
    predictor = fit(TRAIN, SEMSEG, DEPTH)
    # Never labelled: class 0, the most frequent of all. Never measured: median of 3, 6 and 4.
    assert predictor.maps["semseg"].tolist() == [[0, 1], [0, 0]]
    assert predictor.maps["depth"].tolist() == [[3, 4], [6, 4]]


def test_masks_numbers_directions_and_offsets_by_hand():
    truths = [
        dict(
            edges=labels([1, 255, 0]),
            height=numbers([-4, NAN, 0]),
            normals=numbers([[1, 0, 0], [0, 0, 0], [0, 0, 1]]),
            flow=numbers([[1, -8], [NAN, NAN], [4, 4]]),
        ),
        dict(
            edges=labels([1, 255, 1]),
            height=numbers([-2, NAN, 5]),
            normals=numbers([[0, 1, 0], [0, 0, 0], [0, 0, 1]]),
            flow=numbers([[3, -4], [NAN, NAN], [0, 0]]),
        ),
    ]
    maps = fit(truths, EDGES, HEIGHT, NORMALS, FLOW).maps
    assert maps["edges"].tolist() == [[1, 1, 0]]
    assert maps["height"].tolist() == [[-3, -0.25, 2.5]]
    half = 0.5**0.5
    mean = np.array([1, 1, 2]) / 6**0.5
    np.testing.assert_allclose(maps["normals"], [[[half, half, 0], mean, [0, 0, 1]]], rtol=1e-6)
    assert maps["flow"].tolist() == [[[2, -6], [2, -2], [2, 2]]]
    assert {maps[name].dtype.name for name in ("height", "normals", "flow")} == {"float32"}

    scores = evaluate_image_blind(
        fit(truths, EDGES, HEIGHT, NORMALS, FLOW),
        [dict(truths[0], normals=truths[1]["normals"])],
        (EDGES, HEIGHT, NORMALS, FLOW),
        progress=False,
    )
    assert scores["edges/accuracy"] == 100
    assert (scores["height/mae"], scores["height/bias"]) == (1.75, 1.75)
    assert scores["normals/mean_angle"] == pytest.approx(45 / 2)
    assert scores["flow/epe"] == pytest.approx((5**0.5 + 8**0.5) / 2)


def test_a_position_without_labels_takes_the_most_frequent_class_of_all():
    predictor = fit([dict(semseg=labels([2, 2, 1, 255]))], SEMSEG)
    assert predictor.maps["semseg"].tolist() == [[2, 2, 1, 2]]
    predictor = fit([dict(semseg=labels([0, 1, 1, 0]))], SEMSEG, ignore_label=0)
    assert predictor.maps["semseg"].tolist() == [[1, 1, 1, 1]]


def test_median_equals_numpy():
    generator = np.random.default_rng(0)
    stack = generator.uniform(1, 80, (8, 6, 9)).astype(np.float32)
    stack[generator.random(stack.shape) < 0.3] = 0
    predictor = fit([dict(depth=depth) for depth in stack], SEMSEG, DEPTH)
    expected = np.nanmedian(np.where(stack > 0, stack, np.nan), axis=0)
    np.testing.assert_allclose(predictor.maps["depth"], expected, rtol=1e-6)
    assert "semseg" not in predictor.maps


def test_targets_of_different_sizes_share_a_grid():
    big = np.kron(labels([0, 1], [2, 3]), np.ones((6, 10), np.uint8))
    small = labels([0, 1], [2, 3])
    predictor = fit([dict(semseg=big), dict(semseg=small)], SEMSEG, grid=(2, 2))
    assert predictor.maps["semseg"].tolist() == small.tolist()
    assert predictor.predict("semseg", 12, 20).tolist() == big.tolist()
    assert fit([dict(semseg=big)], SEMSEG).maps["semseg"].shape == big.shape
    assert fit([dict(semseg=big)], SEMSEG, grid=(3, 99)).maps["semseg"].shape == (3, 20)


def test_evaluation_by_hand():
    truth = both(labels([0, 0], [255, 0]), numbers([3, 4], [0, 2]))
    predictor = fit(TRAIN, SEMSEG, DEPTH)
    scores = evaluate_image_blind(predictor, [truth], (SEMSEG, DEPTH), progress=False)
    assert scores["semseg/aAcc"] == pytest.approx(200 / 3)
    assert scores["semseg/mIoU"] == pytest.approx((200 / 3 + 0) / 2)
    assert scores["depth/abs_rel"] == pytest.approx(1 / 3)
    assert "multitask/score" in scores


def test_only_shared_targets_are_measured():
    predictor = fit([dict(depth=numbers([2, 2]))], SEMSEG, DEPTH)
    data = [both(labels([0, 1]), numbers([2, 2])), dict(semseg=labels([0, 1]))]
    metric = MultiTaskMetric(max_depth=80)
    scores = evaluate_image_blind(predictor, data, (SEMSEG, DEPTH), metric, progress=False)
    assert scores["depth/rmse"] == 0
    assert not any(name.startswith("semseg") for name in scores)


@pytest.mark.parametrize(
    ("target", "nothing"),
    [
        (DEPTH, numbers([0, 0])),
        (HEIGHT, numbers([NAN, NAN])),
        (FLOW, numbers([[[NAN, NAN], [1, NAN]]])),
        (NORMALS, numbers([[[0, 0, 0]]])),
    ],
)
def test_without_any_truth_nothing_is_predicted(target, nothing):
    nothing = nothing.reshape(1, -1, *((target.channels,) if target.vector else ()))
    assert fit([{target.name: nothing}], target).maps == {}


def test_empty_data_and_unknown_classes_are_refused():
    with pytest.raises(ValueError, match=r"none of \['semseg', 'depth'\]"):
        fit([], SEMSEG, DEPTH)
    with pytest.raises(ValueError, match=r"'semseg' holds class ids 0\.\.7"):
        fit([dict(semseg=labels([0, 7]))], SEMSEG)
