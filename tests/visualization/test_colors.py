import matplotlib
import numpy as np
import pytest

from mtl_plugins.visualization import (
    IGNORE_COLOR,
    INVALID_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    colorize_depth,
    colorize_depth_error,
    colorize_labels,
    colorize_semseg_error,
    default_palette,
    depth_norm,
)
from mtl_plugins.visualization.painting.colors import DEPTH_COLORMAP, ERROR_COLORMAP

PALETTE = [(128, 64, 128), (0, 0, 142)]


def test_labels_take_their_colours():
    colors = colorize_labels(np.array([[0, 1, 255]]), PALETTE)
    assert colors.dtype == np.uint8
    assert [tuple(pixel) for pixel in colors[0]] == [*PALETTE, IGNORE_COLOR]
    assert tuple(colorize_labels(np.array([[1]]), PALETTE, ignore_label=1)[0, 0]) == IGNORE_COLOR


@pytest.mark.parametrize("label", [2, -1])
def test_a_class_without_colour_is_refused(label):
    with pytest.raises(ValueError, match=r"0\.\.1"):
        colorize_labels(np.array([[0, label]]), PALETTE)


def test_semseg_error_tells_three_cases_apart():
    colors = colorize_semseg_error(np.array([[0, 1, 1]]), np.array([[0, 0, 255]]))
    assert [tuple(pixel) for pixel in colors[0]] == [RIGHT_COLOR, WRONG_COLOR, IGNORE_COLOR]


@pytest.mark.parametrize("colormap", [DEPTH_COLORMAP, ERROR_COLORMAP])
def test_the_invalid_colour_is_in_no_part_of_a_colour_map(colormap):
    colors = 255 * matplotlib.colormaps[colormap](np.linspace(0, 1, 1000))[:, :3]
    assert np.abs(colors - INVALID_COLOR).max(axis=1).min() > 25


@pytest.mark.parametrize("log", [False, True])
def test_invalid_depth_and_only_that_is_grey(log):
    depth = np.array([[0, -1, np.nan, np.inf, 1, 40, 1e-9, 1e6]])
    grey = (colorize_depth(depth, depth_norm(1, 80, log)) == INVALID_COLOR).all(-1)
    assert grey.tolist() == [[True] * 4 + [False] * 4]


def test_depth_runs_through_the_map_in_order():
    norm = depth_norm(10, 20)
    ends = 255 * np.array([matplotlib.colormaps[DEPTH_COLORMAP](end)[:3] for end in (0.0, 1.0)])
    near, far = colorize_depth(np.array([[5.0, 99.0]]), norm)[0]
    np.testing.assert_allclose([near, far], ends, atol=1)
    light = colorize_depth(np.linspace(10, 20, 50)[None], norm)[0].mean(axis=1)
    assert (np.diff(light) <= 0).all()
    assert light[0] > light[-1] + 200


def test_depth_error_is_relative_and_marks_what_was_not_measured():
    prediction = np.array([[1.0, 15.0, 150.0, 7.0, np.nan, 99.0]])
    truth = np.array([[1.0, 10.0, 100.0, 0.0, 1.0, 1.0]])
    colors = colorize_depth_error(prediction, truth, depth_norm(0, 0.8))[0]
    exact, half, also_half, unmeasured, broken, worst = (tuple(color) for color in colors)
    assert half == also_half != exact
    assert unmeasured == INVALID_COLOR
    assert broken == worst
    assert INVALID_COLOR not in (exact, half, worst)


def test_default_palette_gives_distinct_colours_every_time():
    palette = default_palette(150)
    assert len(set(palette)) == 150
    assert palette == default_palette(200)[:150]
    assert IGNORE_COLOR not in palette
