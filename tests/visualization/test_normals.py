"""Normals in pictures: colours and angles by hand, and panels on the way from a sample."""

from __future__ import annotations

import numpy as np
import pytest

from mtl_plugins.visualization import (
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    Style,
    TaskMaps,
    colorize_normals,
    draw_panel,
    paint_row,
)

STYLE = Style((), (), worst_angle=60.0)
ROAD, WALL, NOWHERE = (0, -1, 0), (1, 0, 0), (0, 0, 0)


def test_colours_by_hand():
    colors = colorize_normals(np.array([[ROAD, WALL, (0, 0, -1), NOWHERE]], np.float32))
    expected = [[128, 0, 128], [255, 128, 128], [128, 128, 0], list(NO_NORMAL_COLOR)]
    assert colors[0].tolist() == expected


def test_rows_hold_what_the_maps_hold():
    truth = np.array([[ROAD, ROAD, ROAD, NOWHERE]], np.float32)
    prediction = np.array([[ROAD, WALL, (0, -0.5, -(0.75**0.5)), WALL]], np.float32)
    row = paint_row(TaskMaps("normals", prediction, truth), STYLE)
    # 0, 90 and 60 degrees; the pixel without truth is not counted.
    assert row.scores == "mean 50.0, median 60.0 degrees"
    assert (row.error[0, 1] == row.error[0, 2]).all() and (row.error[0, 0] != row.error[0, 1]).any()
    assert (row.error[0, 3] == INVALID_COLOR).all()
    assert (row.truth[0, 0] == row.prediction[0, 0]).all()
    assert row.key.swatches[-1] == ("no normal", NO_NORMAL_COLOR)
    assert dict(row.key.swatches)["up"] == (128, 0, 128)
    assert row.error_key.bar.norm.vmax == 60


def test_panels_draw_what_is_there():
    image = np.zeros((32, 64, 3), np.uint8)
    truth = np.tile(np.array(ROAD, np.float32), (32, 64, 1))
    both = draw_panel(image, [TaskMaps("normals", truth, truth)], (), ())
    assert ((both == (128, 0, 128)).all(-1)).mean() > 0.2
    draw_panel(image, [TaskMaps("normals", truth)], (), ())
    broken = TaskMaps("normals", np.full_like(truth, np.nan), truth)
    assert paint_row(broken, STYLE).scores == "prediction is not finite"
    empty = TaskMaps("normals", truth, truth * 0)
    assert paint_row(empty, STYLE).scores == "no pixel with a normal"


def test_maps_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="one shape H,W,3"):
        TaskMaps("normals", np.zeros((4, 5)))
    with pytest.raises(ValueError, match="one shape H,W"):
        TaskMaps("depth", np.zeros((4, 5, 3)))
