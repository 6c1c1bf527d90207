import numpy as np
import pytest

from mtl_plugins.evaluation import evaluate_image_blind, fit_image_blind


def labels(*rows):
    return np.array(rows, dtype=np.uint8)


def depths(*rows):
    return np.array(rows, dtype=np.float32)


TRAIN = [
    (labels([0, 1], [255, 2]), depths([1, 0], [5, 8])),
    (labels([0, 1], [255, 0]), depths([3, 0], [0, 2])),
    (labels([1, 0], [255, 0]), depths([9, 0], [7, 4])),
]


def test_majority_and_median_by_hand():
    predictor = fit_image_blind(TRAIN, num_classes=3, progress=False)
    # Never labelled: class 0, the most frequent of all. Never measured: median of 3, 6 and 4.
    assert predictor.labels.tolist() == [[0, 1], [0, 0]]
    assert predictor.depth.tolist() == [[3, 4], [6, 4]]


def test_a_position_without_labels_takes_the_most_frequent_class_of_all():
    predictor = fit_image_blind([(labels([2, 2, 1, 255]), None)], num_classes=3, progress=False)
    assert predictor.labels.tolist() == [[2, 2, 1, 2]]


def test_median_equals_numpy():
    generator = np.random.default_rng(0)
    stack = generator.uniform(1, 80, (8, 6, 9)).astype(np.float32)
    stack[generator.random(stack.shape) < 0.3] = 0
    predictor = fit_image_blind([(None, d) for d in stack], num_classes=2, progress=False)
    expected = np.nanmedian(np.where(stack > 0, stack, np.nan), axis=0)
    np.testing.assert_allclose(predictor.depth, expected, rtol=1e-6)
    assert predictor.labels is None


def test_targets_of_different_sizes_share_a_grid():
    big = np.kron(labels([0, 1], [2, 3]), np.ones((6, 10), np.uint8))
    small = labels([0, 1], [2, 3])
    predictor = fit_image_blind([(big, None), (small, None)], 4, grid=(2, 2), progress=False)
    assert predictor.labels.tolist() == small.tolist()
    assert predictor.predict(12, 20)[0].tolist() == big.tolist()
    assert fit_image_blind([(big, None)], 4, progress=False).labels.shape == big.shape
    assert fit_image_blind([(big, None)], 4, (3, 99), progress=False).labels.shape == (3, 20)


def test_evaluation_by_hand():
    predictor = fit_image_blind(TRAIN, num_classes=3, progress=False)
    truth = (labels([0, 0], [255, 0]), depths([3, 4], [0, 2]))
    scores = evaluate_image_blind(predictor, [truth], num_classes=3, progress=False)
    assert scores["semseg/aAcc"] == pytest.approx(200 / 3)
    assert scores["semseg/mIoU"] == pytest.approx((200 / 3 + 0) / 2)
    assert scores["depth/abs_rel"] == pytest.approx(1 / 3)
    assert "multitask/score" in scores


def test_only_shared_tasks_are_measured():
    predictor = fit_image_blind([(None, depths([2, 2]))], num_classes=3, progress=False)
    data = [(labels([0, 1]), depths([2, 2])), (labels([0, 1]), None)]
    scores = evaluate_image_blind(predictor, data, num_classes=3, progress=False, max_depth=80)
    assert scores["depth/rmse"] == 0
    assert not any(name.startswith("semseg") for name in scores)


def test_without_valid_depth_no_depth_is_predicted():
    assert fit_image_blind([(None, depths([0, 0]))], 2, progress=False).depth is None


def test_empty_data_and_unknown_classes_are_refused():
    with pytest.raises(ValueError, match="neither labels nor depth"):
        fit_image_blind([], num_classes=2, progress=False)
    with pytest.raises(ValueError, match=r"class ids 0\.\.7"):
        fit_image_blind([(labels([0, 7]), None)], num_classes=2, progress=False)
