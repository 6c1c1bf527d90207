"""Colours by hand, and rows of pictures with their scores and keys."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from mtl_plugins.visualization import (
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    Style,
    TaskMaps,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_normals,
    colorize_semseg_error,
    default_palette,
    depth_norm,
    depth_range,
    load_maps,
    paint_row,
    save_maps,
)
from mtl_plugins.visualization.colors import DEPTH_COLORMAP, ERROR_COLORMAP

CLASSES = ["road", "car", "sky"]
PALETTE = [(128, 64, 128), (0, 0, 142), (70, 130, 180)]
STYLE = Style(CLASSES, PALETTE)
UP, RIGHT, NOWHERE = (0, -1, 0), (1, 0, 0), (0, 0, 0)


def tuples(row):
    return [tuple(pixel) for pixel in row.tolist()]


def test_labels_have_the_colours_of_the_palette():
    colors = colorize_labels(np.array([[0, 1, 255]]), PALETTE)
    assert colors.dtype == np.uint8
    assert tuples(colors[0]) == [*PALETTE[:2], IGNORE_COLOR]
    assert tuples(colorize_labels(np.array([[1]]), PALETTE, ignore_label=1)[0]) == [IGNORE_COLOR]


@pytest.mark.parametrize("label", [3, -1])
def test_a_class_without_colour_is_refused(label):
    with pytest.raises(ValueError, match=r"0\.\.2"):
        colorize_labels(np.array([[0, label]]), PALETTE)


def test_right_wrong_and_ignored_pixels_have_different_colours():
    colors = colorize_semseg_error(np.array([[0, 1, 1]]), np.array([[0, 0, 255]]))
    assert tuples(colors[0]) == [RIGHT_COLOR, WRONG_COLOR, IGNORE_COLOR]


@pytest.mark.parametrize("colormap", [DEPTH_COLORMAP, ERROR_COLORMAP])
def test_the_invalid_colour_is_far_from_every_colour_of_the_colour_maps(colormap):
    colors = 255 * matplotlib.colormaps[colormap](np.linspace(0, 1, 1000))[:, :3]
    assert np.abs(colors - INVALID_COLOR).max(axis=1).min() > 25


@pytest.mark.parametrize("log", [False, True])
def test_only_invalid_depth_is_grey(log):
    depth = np.array([[0, -1, np.nan, np.inf, 1, 40, 1e-9, 1e6]])
    grey = (colorize_depth(depth, depth_norm(1, 80, log)) == INVALID_COLOR).all(-1)
    assert grey.tolist() == [[True] * 4 + [False] * 4]


def test_near_depth_is_light_and_far_depth_dark():
    norm = depth_norm(10, 20)
    ends = 255 * np.array([matplotlib.colormaps[DEPTH_COLORMAP](end)[:3] for end in (0.0, 1.0)])
    near, far = colorize_depth(np.array([[5.0, 99.0]]), norm)[0]
    np.testing.assert_allclose([near, far], ends, atol=1)
    light = colorize_depth(np.linspace(10, 20, 50)[None], norm)[0].mean(axis=1)
    assert (np.diff(light) <= 0).all()
    assert light[0] > light[-1] + 200


def test_depth_error_is_relative_and_grey_without_truth():
    prediction = np.array([[1.0, 15.0, 150.0, 7.0, np.nan, 99.0]])
    truth = np.array([[1.0, 10.0, 100.0, 0.0, 1.0, 1.0]])
    colors = colorize_depth_error(prediction, truth, depth_norm(0, 0.8))[0]
    exact, half, also_half, unmeasured, broken, worst = tuples(colors)
    assert half == also_half != exact
    assert unmeasured == INVALID_COLOR
    assert broken == worst
    assert INVALID_COLOR not in (exact, half, worst)


def test_normals_have_the_colours_of_their_components():
    colors = colorize_normals(np.array([[UP, RIGHT, (0, 0, -1), NOWHERE]], np.float32))
    assert tuples(colors[0]) == [(128, 0, 128), (255, 128, 128), (128, 128, 0), NO_NORMAL_COLOR]


def test_the_default_palette_has_distinct_and_constant_colours():
    palette = default_palette(150)
    assert len(set(palette)) == 150
    assert palette == default_palette(200)[:150]
    assert IGNORE_COLOR not in palette


def test_segmentation_row_by_hand():
    truth, prediction = np.array([[0, 0, 2, 255]]), np.array([[0, 1, 2, 0]])
    row = paint_row(TaskMaps("semseg", prediction, truth), STYLE)
    assert tuples(row.truth[0]) == [PALETTE[0], PALETTE[0], PALETTE[2], IGNORE_COLOR]
    assert tuples(row.prediction[0]) == [PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[0]]
    assert tuples(row.error[0]) == [RIGHT_COLOR, WRONG_COLOR, RIGHT_COLOR, IGNORE_COLOR]
    # IoU 1/2, 0 and 1.
    assert row.scores == "mIoU 50.0, accuracy 66.7 %"
    names = [*zip(CLASSES, PALETTE, strict=True), ("ignored", IGNORE_COLOR)]
    assert row.key.swatches == names


def test_classes_that_do_not_occur_are_not_in_the_key():
    row = paint_row(TaskMaps("semseg", np.array([[1, 1]]), np.array([[1, 255]])), STYLE)
    assert row.key.swatches == [("car", PALETTE[1]), ("ignored", IGNORE_COLOR)]


def test_depth_row_by_hand():
    truth = np.array([[2.0, 4.0, 0.0]], np.float32)
    row = paint_row(TaskMaps("depth", np.float32(1.1) * truth + (truth == 0), truth), STYLE)
    assert row.scores == "abs_rel 0.100, SI-logRMSE 0.0"
    for picture, grey in ((row.truth, True), (row.error, True), (row.prediction, False)):
        assert (tuple(picture[0, 2]) == INVALID_COLOR) is grey
        assert INVALID_COLOR not in tuples(picture[0, :2])
    assert row.key.bar.caption == "depth [m]"


@pytest.mark.parametrize("log", [False, True])
def test_equal_depths_have_equal_colours_in_truth_and_prediction(log):
    truth = np.array([[1.0, 2.0, 50.0, 0.0]])
    prediction = np.array([[2.0, 1.0, 700.0, 50.0]])
    row = paint_row(TaskMaps("depth", prediction, truth), Style((), (), depth_log=log))
    true, predicted = tuples(row.truth[0]), tuples(row.prediction[0])
    assert [true[1], true[0], true[2]] == [predicted[0], predicted[1], predicted[3]]
    assert true[0] != true[1]


def test_depth_range_is_that_of_the_truth():
    truth = np.concatenate([np.zeros(100), np.arange(1, 102)])[None]
    assert depth_range(TaskMaps("depth", truth * 9, truth), (2, 98)) == (3, 99)
    assert depth_range(TaskMaps("depth", truth * 9, truth * 0), (2, 98)) == (27, 891)
    assert depth_range(TaskMaps("depth", truth=np.zeros((2, 2))), (2, 98)) == (1, 2)
    near, far = depth_range(TaskMaps("depth", truth=np.full((2, 2), 5.0)), (2, 98))
    assert near == 5 < far


def test_normals_row_by_hand():
    truth = np.array([[UP, UP, UP, NOWHERE]], np.float32)
    prediction = np.array([[UP, RIGHT, (0, -0.5, -(0.75**0.5)), RIGHT]], np.float32)
    row = paint_row(TaskMaps("normals", prediction, truth), Style((), (), worst_angle=60.0))
    # 0, 90 and 60 degrees; the pixel without truth is not counted.
    assert row.scores == "mean 50.0, median 60.0 degrees"
    right, worst, also_worst, unknown = tuples(row.error[0])
    assert worst == also_worst != right
    assert unknown == INVALID_COLOR
    assert tuple(row.truth[0, 0]) == tuple(row.prediction[0, 0])
    assert row.key.swatches[-1] == ("no normal", NO_NORMAL_COLOR)
    assert dict(row.key.swatches)["up"] == (128, 0, 128)
    assert row.error_key.bar.norm.vmax == 60


@pytest.mark.parametrize(
    ("kind", "prediction", "truth", "scores"),
    [
        ("semseg", [[0]], [[255]], "no labelled pixel"),
        ("depth", [[3.0]], [[0.0]], "no measured pixel"),
        ("depth", [[np.nan]], [[3.0]], "prediction is not finite"),
        ("normals", [[UP]], [[NOWHERE]], "no pixel with a normal"),
        ("normals", [[(0, np.nan, 0)]], [[UP]], "prediction is not finite"),
    ],
)
def test_rows_without_scores_say_why(kind, prediction, truth, scores):
    kinds = int if kind == "semseg" else np.float32
    maps = TaskMaps(kind, np.array(prediction, kinds), np.array(truth, kinds))
    assert paint_row(maps, STYLE).scores == scores


def test_maps_of_wrong_kind_or_shape_are_refused():
    labels = np.zeros((4, 5), int)
    for arguments, match in (
        (("edges", labels), "kind='edges'"),
        (("semseg", labels, labels[1:]), "one shape H,W"),
        (("semseg",), "one shape"),
        (("normals", labels), "one shape H,W,3"),
        (("depth", np.zeros((4, 5, 3))), "one shape H,W"),
    ):
        with pytest.raises(ValueError, match=match):
            TaskMaps(*arguments)


def test_saved_maps_are_subsampled_and_keep_class_ids(tmp_path):
    labels = np.arange(8)[None] * 1000 + np.zeros((4, 1), int)
    depth = np.tile(np.float32([1e9, 2, 3, 4, 5, 6, 7, 8]), (4, 1))
    saved = [TaskMaps("semseg", labels, labels % 3), TaskMaps("depth", depth)]
    save_maps(tmp_path / "a.b" / "c.d", np.zeros((9, 9, 3), np.uint8), saved, longest=4)
    found = load_maps(tmp_path / "a.b" / "c.d")
    assert found["semseg"].prediction.tolist() == [[1000, 3000, 5000, 7000]] * 2
    assert found["semseg"].truth.tolist() == [[1, 0, 2, 1]] * 2
    assert found["depth"].prediction.tolist() == [[2, 4, 6, 8]] * 2
    assert found["depth"].truth is None
    (tmp_path / "e.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"e\.npz cannot be read"):
        load_maps(tmp_path / "e")
