"""Colours by hand, and rows of pictures with their scores and keys."""

from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import LogNorm

from mtl_plugins.targets import DEPTH, NORMALS, Target
from mtl_plugins.visualization import (
    FALSE_ALARM_COLOR,
    IGNORE_COLOR,
    INVALID_COLOR,
    MISS_COLOR,
    NO_COLOR,
    NO_NORMAL_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    YES_COLOR,
    Style,
    TaskMaps,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_normals,
    colorize_offsets,
    colorize_semseg_error,
    default_palette,
    depth_norm,
    depth_range,
    offset_wheel,
    paint_row,
    title_of,
)
from mtl_plugins.visualization.colors import DEPTH_COLORMAP, ERROR_COLORMAP, VALUE_COLORMAP
from mtl_plugins.visualization.painted import WIDE, Bar

CLASSES = ["road", "car", "sky"]
PALETTE = [(128, 64, 128), (0, 0, 142), (70, 130, 180)]
STYLE = Style()
LABELS = Target("semseg", "classes", classes=tuple(CLASSES), palette=tuple(PALETTE))
MASK = Target("edges", "binary")
HEIGHT = Target("height", "scalar", unit="m", range=(-5, 50))
FLOW = Target("flow", "offset")
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


@pytest.mark.parametrize("colormap", [DEPTH_COLORMAP, VALUE_COLORMAP, ERROR_COLORMAP])
def test_the_invalid_colour_is_far_from_every_colour_of_the_colour_maps(colormap):
    colors = 255 * matplotlib.colormaps[colormap](np.linspace(0, 1, 1000))[:, :3]
    assert np.abs(colors - INVALID_COLOR).max(axis=1).min() > 50


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
    row = paint_row(TaskMaps(LABELS, prediction, truth), STYLE)
    assert tuples(row.truth[0]) == [PALETTE[0], PALETTE[0], PALETTE[2], IGNORE_COLOR]
    assert tuples(row.prediction[0]) == [PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[0]]
    assert tuples(row.error[0]) == [RIGHT_COLOR, WRONG_COLOR, RIGHT_COLOR, IGNORE_COLOR]
    # IoU 1/2, 0 and 1.
    assert row.scores == "mIoU 50.0, accuracy 66.7 %"
    names = [*zip(CLASSES, PALETTE, strict=True), ("ignored", IGNORE_COLOR)]
    assert row.key.swatches == names


def test_classes_that_do_not_occur_are_not_in_the_key():
    row = paint_row(TaskMaps(LABELS, np.array([[1, 1]]), np.array([[1, 255]])), STYLE)
    assert row.key.swatches == [("car", PALETTE[1]), ("ignored", IGNORE_COLOR)]


def test_depth_row_by_hand():
    truth = np.array([[2.0, 4.0, 0.0]], np.float32)
    row = paint_row(TaskMaps(DEPTH, np.float32(1.1) * truth + (truth == 0), truth), STYLE)
    assert row.scores == "abs_rel 0.100, SI-logRMSE 0.0"
    for picture, grey in ((row.truth, True), (row.error, True), (row.prediction, False)):
        assert (tuple(picture[0, 2]) == INVALID_COLOR) is grey
        assert INVALID_COLOR not in tuples(picture[0, :2])
    assert row.key.bar.caption == "depth [m], logarithmic"


def depth_row(depths, truth=None, target=DEPTH, **style):
    """Paint distances of one line of pixels; the truth has the second ones."""
    arrays = [None if d is None else np.array([d], np.float32) for d in (depths, truth)]
    return paint_row(TaskMaps(target, *arrays), Style(**style))


def away(first, second):
    """Distance of two colours, 0 to 442."""
    return np.linalg.norm(first.astype(float) - second)


@pytest.mark.parametrize("far", [80, 200, 300])
def test_near_depths_differ_visibly_where_the_scene_reaches_far(far):
    row = depth_row([5, 20, 50, far], [2, 5, 20, far])
    near, middle, behind, end = row.prediction[0]
    assert min(away(near, middle), away(middle, behind), away(behind, end)) > 60
    assert row.truth[0, 1].tolist() == near.tolist()
    assert row.truth[0, 2].tolist() == middle.tolist()
    # Equal ratios are equally far apart on the scale.
    scale = row.key.bar.norm
    assert scale(10) - scale(5) == pytest.approx(scale(20) - scale(10), abs=1e-6)
    linear = depth_row([5, 20, 50, far], [2, 5, 20, far], depth_log=False).key.bar
    assert linear.norm(20) - linear.norm(5) == pytest.approx(linear.norm(35) - linear.norm(20))
    assert linear.caption == "depth [m]"


def test_the_range_of_a_target_fixes_the_colours_of_all_its_pictures():
    target = replace(DEPTH, range=(2.0, 80.0))
    rows = [
        depth_row([5, 20], [5, 20], target),
        depth_row([5, 70], [60, 79], target),
        depth_row([5], None, target),
        depth_row([5], [0], target),
    ]
    assert {(row.key.bar.norm.vmin, row.key.bar.norm.vmax) for row in rows} == {(2, 80)}
    assert len({tuple(row.prediction[0, 0]) for row in rows}) == 1
    # Colours are not wasted on distances that a sensor could measure but never does.
    wide = depth_row([5, 20], [5, 20], replace(DEPTH, range=(0.0, 80.0))).key.bar.norm
    assert (wide.vmin, wide.vmax) == (0.8, 80)
    chosen = depth_row([5, 20], [5, 20], target, ranges=dict(depth=(1, 30))).key.bar.norm
    assert (chosen.vmin, chosen.vmax) == (1, 30)


@pytest.mark.parametrize(
    ("ends", "log"),
    [((1, WIDE), True), ((1, WIDE - 1), False), ((0, 99), False), ((-9, 99), False)],
)
def test_other_numbers_have_logarithmic_colours_where_they_span_a_wide_range(ends, log):
    plain = Target("disparity", "scalar", unit="px")
    values = np.linspace(*ends, 50, dtype=np.float32)
    row = depth_row(values, values, plain, percentiles=(0, 100))
    assert isinstance(row.key.bar.norm, LogNorm) is log
    assert row.key.bar.caption == "disparity [px]" + ", logarithmic" * log
    assert (row.truth == row.prediction).all()


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (2, 200, True, [2, 5, 10, 20, 50, 100, 200]),
        (1.7, 3.4, True, [1.75, 2, 2.25, 2.5, 2.75, 3, 3.25]),
        (0.001, 1000, True, [0.001, 0.01, 0.1, 1, 10, 100, 1000]),
        (0, 60, False, [0, 10, 20, 30, 40, 50, 60]),
        (-5, 50, False, [0, 10, 20, 30, 40, 50]),
    ],
)
def test_colour_bars_have_round_numbers(low, high, log, ticks):
    bar = Bar(depth_norm(low, high, log), DEPTH_COLORMAP, "")
    assert bar.ticks(7) == pytest.approx(ticks)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("most", [4, 5, 7])
def test_colour_bars_have_ticks_for_any_scale(log, most):
    generator = np.random.default_rng(0)
    for low in 10.0 ** generator.uniform(-6, 6, 30):
        for factor in (1.01, 1.7, 30, 1e4, 1e9):
            ticks = Bar(depth_norm(low, low * factor, log), DEPTH_COLORMAP, "").ticks(most)
            assert 1 <= len(ticks) <= most, (low, factor)
            assert low <= ticks[0] and ticks[-1] <= low * factor and ticks == sorted(ticks)


@pytest.mark.parametrize("log", [False, True])
def test_equal_depths_have_equal_colours_in_truth_and_prediction(log):
    truth = np.array([[1.0, 2.0, 50.0, 0.0]])
    prediction = np.array([[2.0, 1.0, 700.0, 50.0]])
    row = paint_row(TaskMaps(DEPTH, prediction, truth), Style(depth_log=log))
    true, predicted = tuples(row.truth[0]), tuples(row.prediction[0])
    assert [true[1], true[0], true[2]] == [predicted[0], predicted[1], predicted[3]]
    assert true[0] != true[1]


def test_depth_range_is_that_of_the_truth():
    truth = np.concatenate([np.zeros(100), np.arange(1, 102)])[None]
    assert depth_range(TaskMaps(DEPTH, truth * 9, truth), (2, 98)) == (3, 99)
    assert depth_range(TaskMaps(DEPTH, truth * 9, truth * 0), (2, 98)) == (27, 891)
    assert depth_range(TaskMaps(DEPTH, truth=np.zeros((2, 2))), (2, 98)) == (1, 2)
    near, far = depth_range(TaskMaps(DEPTH, truth=np.full((2, 2), 5.0)), (2, 98))
    assert near == 5 < far


def test_normals_row_by_hand():
    truth = np.array([[UP, UP, UP, NOWHERE]], np.float32)
    prediction = np.array([[UP, RIGHT, (0, -0.5, -(0.75**0.5)), RIGHT]], np.float32)
    row = paint_row(TaskMaps(NORMALS, prediction, truth), Style(worst_errors=dict(normals=60.0)))
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
    ("target", "prediction", "truth", "scores"),
    [
        (LABELS, [[0]], [[255]], "no labelled pixel"),
        (DEPTH, [[3.0]], [[0.0]], "no measured pixel"),
        (DEPTH, [[np.nan]], [[3.0]], "prediction is not finite"),
        (NORMALS, [[UP]], [[NOWHERE]], "no pixel with a normal"),
        (NORMALS, [[(0, np.nan, 0)]], [[UP]], "prediction is not finite"),
        (MASK, [[1]], [[255]], "no pixel with truth"),
        (HEIGHT, [[1.0]], [[np.nan]], "no pixel with truth"),
        (HEIGHT, [[np.nan]], [[1.0]], "prediction is not finite"),
        (FLOW, [[(1.0, 1.0)]], [[(np.nan, np.nan)]], "no pixel with truth"),
        (FLOW, [[(np.inf, 1.0)]], [[(1.0, 1.0)]], "prediction is not finite"),
    ],
)
def test_rows_without_scores_say_why(target, prediction, truth, scores):
    kind = int if target.integer else np.float32
    maps = TaskMaps(target, np.array(prediction, kind), np.array(truth, kind))
    assert paint_row(maps, STYLE).scores == scores


def test_predefined_targets_have_titles_and_others_their_name_and_unit():
    found = [title_of(each) for each in (LABELS, DEPTH, NORMALS, HEIGHT, FLOW, MASK)]
    words = ["semantic segmentation", "depth", "surface normals", "height [m]", "flow", "edges"]
    assert found == words
    row = paint_row(TaskMaps(HEIGHT, np.ones((1, 1)), name="ground"), STYLE)
    assert row.name == "ground"


def test_classes_without_names_have_numbers_and_colours():
    labels = np.arange(200)[None]
    row = paint_row(TaskMaps(Target("parts", "classes"), labels, labels), STYLE)
    assert row.key.swatches[199][0] == "class 199" and row.scores == "mIoU 100.0, accuracy 100.0 %"
    assert len({color for _, color in row.key.swatches}) == 200


def test_of_more_than_255_classes_255_is_one():
    names = tuple(f"a very long name of class {i}" for i in range(300))
    wide = Target("parts", "classes", classes=names)
    truth = np.array([[255, 299, 65535]])
    row = paint_row(TaskMaps(wide, np.array([[255, 0, 0]]), truth), STYLE)
    assert tuples(row.error[0]) == [RIGHT_COLOR, WRONG_COLOR, IGNORE_COLOR]
    assert row.scores == "mIoU 33.3, accuracy 50.0 %"
    assert [name for name, _ in row.key.swatches] == [names[0], names[255], names[299], "ignored"]


def test_binary_row_by_hand():
    truth, prediction = np.array([[1, 1, 0, 0, 255]]), np.array([[1, 0, 1, 0, 1]])
    row = paint_row(TaskMaps(MASK, prediction, truth), STYLE)
    assert tuples(row.truth[0]) == [YES_COLOR, YES_COLOR, NO_COLOR, NO_COLOR, IGNORE_COLOR]
    assert tuples(row.prediction[0]) == [YES_COLOR, NO_COLOR, YES_COLOR, NO_COLOR, YES_COLOR]
    errors = [YES_COLOR, MISS_COLOR, FALSE_ALARM_COLOR, NO_COLOR, IGNORE_COLOR]
    assert tuples(row.error[0]) == errors
    # One hit, one miss, one false alarm.
    assert row.scores == "F1 50.0, IoU 33.3 %"
    names = [("no edges", NO_COLOR), ("edges", YES_COLOR), ("no truth", IGNORE_COLOR)]
    assert row.key.swatches == names
    assert {color for _, color in row.error_key.swatches} == set(errors)
    nothing = np.zeros((1, 2), int)
    row = paint_row(TaskMaps(MASK, nothing, nothing), STYLE)
    assert row.scores == "0 everywhere, as it should be"


COLOUR_BLIND = dict(
    nobody=np.eye(3),
    protan=((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    deutan=((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    tritan=((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
)
"""Linear red, green and blue as the colour-blind see them (Machado et al. 2009, severity 1)."""


@pytest.mark.parametrize("matrix", COLOUR_BLIND.values(), ids=COLOUR_BLIND)
def test_colour_blind_people_distinguish_the_colours_of_masks(matrix):
    colors = [NO_COLOR, YES_COLOR, MISS_COLOR, FALSE_ALARM_COLOR, IGNORE_COLOR]
    linear = (np.array(colors) / 255) ** 2.2
    seen = 255 * (linear @ np.array(matrix).T).clip(0, 1) ** (1 / 2.2)
    away = np.linalg.norm(seen[:, None] - seen, axis=-1)
    assert away[np.triu_indices(5, 1)].min() > 75


def test_scalar_row_by_hand():
    truth = np.array([[-4.0, 0.0, 6.0, np.nan]], np.float32)
    prediction = np.array([[-4.0, 3.0, 2.0, 0.0]], np.float32)
    plain = replace(HEIGHT, range=None)
    row = paint_row(TaskMaps(plain, prediction, truth), Style(percentiles=(0, 100)))
    assert row.name == "height [m]" and row.scores == "mean error 2.333, RMSE 2.887 m"
    assert (row.key.bar.norm.vmin, row.key.bar.norm.vmax) == (-4, 6)
    assert row.key.bar.caption == "height [m]"
    assert (row.error_key.bar.caption, row.error_key.bar.norm.vmax) == (
        "|prediction - truth| [m]",
        5,
    )
    ends = matplotlib.colormaps[VALUE_COLORMAP]([0.0, 1.0], bytes=True)[:, :3].tolist()
    assert row.truth[0, [0, 2]].tolist() == ends
    assert tuple(row.truth[0, 3]) == tuple(row.error[0, 3]) == INVALID_COLOR
    # 0 is a value like others.
    assert tuple(row.truth[0, 1]) == tuple(row.prediction[0, 3]) != INVALID_COLOR
    assert row.key.swatches == [("no value", INVALID_COLOR)]


def test_scalars_have_the_colours_of_their_range_or_of_their_values():
    values = np.array([[0.0, 10.0]], np.float32)
    plain = Target("heat", "scalar")
    unknown = np.full((1, 2), np.nan, np.float32)
    for target, truth, style, limits in (
        (HEIGHT, None, STYLE, (-5, 50)),
        (HEIGHT, unknown, STYLE, (-5, 50)),
        (HEIGHT, values, STYLE, (-5, 50)),
        (HEIGHT, None, Style(ranges=dict(height=(1, 2), flow=(0, 3))), (1, 2)),
        (plain, None, Style(percentiles=(0, 100)), (0, 10)),
        (plain, unknown, Style(percentiles=(10, 90)), (1, 9)),
        (plain, np.full((1, 2), 7, np.float32), STYLE, (7, 7.07)),
    ):
        row = paint_row(TaskMaps(target, values, truth), style)
        norm = row.key.bar.norm
        assert (norm.vmin, norm.vmax) == pytest.approx(limits)
    row = paint_row(TaskMaps(plain, truth=unknown), STYLE)
    assert tuples(row.truth[0]) == [INVALID_COLOR] * 2
    assert row.key.bar.caption == "heat"


def test_offset_row_by_hand():
    right, down, unknown = (10.0, 0.0), (0.0, 5.0), (np.nan, np.nan)
    truth = np.array([[right, down, (0, 0), unknown]], np.float32)
    prediction = np.array([[right, (0, -5), (3, 4), right]], np.float32)
    row = paint_row(TaskMaps(FLOW, prediction, truth), Style(percentiles=(0, 100)))
    # Hue 90 degrees, half saturated.
    assert tuples(row.truth[0]) == [(255, 0, 0), (191, 255, 128), (255, 255, 255), INVALID_COLOR]
    assert tuples(row.prediction[0])[:2] == [(255, 0, 0), (191, 128, 255)]
    # Distances 0, 10 and 5 of at most half of the longest, 10.
    assert row.scores == "end-point error 5 pixels"
    exact, opposite, five, gap = tuples(row.error[0])
    assert opposite == five != exact and gap == INVALID_COLOR
    assert row.key.wheel == "rim: 10 pixels or more" and row.key.bar is None
    assert row.error_key.bar.norm.vmax == 5
    longer = paint_row(TaskMaps(FLOW, prediction), Style(ranges=dict(flow=(0, 20))))
    assert tuple(longer.prediction[0, 0]) == (255, 128, 128)
    still = paint_row(TaskMaps(FLOW, truth=np.zeros((1, 1, 2), np.float32)), STYLE)
    assert still.key.wheel == "rim: 1 pixels or more"


def test_the_wheel_has_the_colour_of_each_direction():
    wheel = offset_wheel(101)
    vectors = np.array([[(0.99, 0), (0, 0.99), (-0.99, 0), (0, -0.99), (0, 0)]])
    places = wheel[[50, 99, 50, 1, 50], [99, 50, 1, 50, 50]]
    assert np.abs(colorize_offsets(vectors, 1.0)[0].astype(int) - places).max() <= 5
    assert (wheel[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
