import numpy as np
import pytest

from mtl_plugins.visualization import (
    IGNORE_COLOR,
    INVALID_COLOR,
    WRONG_COLOR,
    Style,
    TaskMaps,
    default_palette,
    depth_range,
    draw_panel,
    paint_row,
)

CLASSES = ["road", "car", "sky"]
PALETTE = [(128, 64, 128), (0, 0, 142), (70, 130, 180)]
STYLE = Style(CLASSES, PALETTE)


def scene(height=128, width=256):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 255, (height, width, 3), np.uint8)
    truth = np.zeros((height, width), np.int64)
    truth[: height // 2] = 2
    truth[-height // 8 :] = 255
    labels = truth.copy()
    labels[truth == 255] = 0
    labels[:, : width // 4] = 1
    depth = np.tile(np.linspace(80, 2, height, dtype=np.float32)[:, None], (1, width))
    measured = depth.copy()
    measured[: height // 4] = 0
    return image, TaskMaps("semseg", labels, truth), TaskMaps("depth", depth * 1.1, measured)


def share(panel, color):
    return (panel == color).all(-1).mean()


def test_rows_hold_what_the_maps_hold():
    _, semseg, depth = scene()
    row = paint_row(semseg, STYLE)
    assert [name for name, _ in row.key.swatches] == ["road", "car", "sky", "ignored"]
    assert (row.truth[0, 0] == PALETTE[2]).all()
    assert (row.prediction[0, 0] == PALETTE[1]).all()
    assert (row.error[0, 0] == WRONG_COLOR).all()
    assert ((row.error == IGNORE_COLOR).all(-1) == (semseg.truth == 255)).all()
    # Right: 3/4 of 112 labelled rows; IoU 0 for car, 3/4 for road and for sky.
    assert row.scores == "mIoU 50.0, accuracy 75.0 %"
    row = paint_row(depth, STYLE)
    assert row.scores == "abs_rel 0.100, SI-logRMSE 0.0"
    assert ((row.truth == INVALID_COLOR).all(-1) == (depth.truth == 0)).all()
    assert ((row.error == INVALID_COLOR).all(-1) == (depth.truth == 0)).all()
    assert not (row.prediction == INVALID_COLOR).all(-1).any()
    assert row.key.bar.caption == "depth [m]"


def test_absent_classes_are_not_in_the_legend():
    row = paint_row(TaskMaps("semseg", np.array([[1, 1]]), np.array([[1, 255]])), STYLE)
    assert row.key.swatches == [("car", PALETTE[1]), ("ignored", IGNORE_COLOR)]


@pytest.mark.parametrize("log", [False, True])
def test_equal_depth_has_equal_colour_in_truth_and_prediction(log):
    truth = np.array([[1.0, 2.0, 50.0, 0.0]])
    prediction = np.array([[2.0, 1.0, 700.0, 50.0]])
    row = paint_row(TaskMaps("depth", prediction, truth), Style((), (), depth_log=log))
    assert (row.truth[0, 0] == row.prediction[0, 1]).all()
    assert (row.truth[0, 1] == row.prediction[0, 0]).all()
    assert (row.truth[0, 2] == row.prediction[0, 3]).all()
    assert (row.truth[0, 0] != row.truth[0, 1]).any()


def test_depth_range_is_the_truths():
    truth = np.concatenate([np.zeros(100), np.arange(1, 102)])[None]
    assert depth_range(TaskMaps("depth", truth * 9, truth), (2, 98)) == (3, 99)
    assert depth_range(TaskMaps("depth", truth * 9, truth * 0), (2, 98)) == (27, 891)
    assert depth_range(TaskMaps("depth", truth=np.zeros((2, 2))), (2, 98)) == (1, 2)
    near, far = depth_range(TaskMaps("depth", truth=np.full((2, 2), 5.0)), (2, 98))
    assert near == 5 < far


@pytest.mark.parametrize("size", [(128, 256), (512, 1024), (400, 250), (900, 90), (4, 8)])
def test_panel_shows_every_picture(size):
    image, semseg, depth = scene(*size)
    panel = draw_panel(image, [semseg, depth], CLASSES, PALETTE, title="a title")
    assert panel.dtype == np.uint8
    assert panel.shape[2] == 3
    assert panel.shape[1] <= 1600
    for color in (*PALETTE, WRONG_COLOR, INVALID_COLOR):
        assert share(panel, color) > 0.002, color
    # A margin on every side: nothing is cut.
    frame = [panel[:3], panel[-3:], panel[:, :3].swapaxes(0, 1), panel[:, -3:].swapaxes(0, 1)]
    assert all((edge == 255).all() for edge in frame)


def test_more_tasks_are_more_rows_and_a_title_adds_a_line():
    image, semseg, depth = scene()
    one, three = (
        draw_panel(image, maps, CLASSES, PALETTE) for maps in ([depth], [semseg, depth, depth])
    )
    titled = draw_panel(image, [depth], CLASSES, PALETTE, title="street")
    assert three.shape[0] > 2.5 * one.shape[0]
    assert titled.shape[0] > one.shape[0]


def test_without_truth_there_are_two_columns_and_larger_pictures():
    image, semseg, depth = scene()
    full = draw_panel(image, [semseg, depth], CLASSES, PALETTE)
    maps = [TaskMaps("semseg", semseg.prediction), TaskMaps("depth", depth.prediction)]
    panel = draw_panel(image, maps, CLASSES, PALETTE)
    assert panel.shape[0] > full.shape[0]
    assert share(panel, PALETTE[1]) > 0
    assert share(panel, WRONG_COLOR) == 0
    mixed = draw_panel(image, [semseg, maps[1]], CLASSES, PALETTE)
    assert share(mixed, WRONG_COLOR) > 0


def test_truth_without_any_valid_pixel_is_drawn():
    image, semseg, depth = scene()
    semseg = TaskMaps("semseg", semseg.prediction, np.full_like(semseg.truth, 255))
    depth = TaskMaps("depth", depth.prediction, np.zeros_like(depth.truth))
    assert paint_row(semseg, STYLE).scores == "no labelled pixel"
    assert paint_row(depth, STYLE).scores == "no measured pixel"
    panel = draw_panel(image, [semseg, depth], CLASSES, PALETTE)
    assert share(panel, INVALID_COLOR) > 0.1


def test_a_broken_prediction_is_drawn_and_said():
    image, _, depth = scene()
    broken = TaskMaps("depth", np.full_like(depth.truth, np.nan), depth.truth)
    assert paint_row(broken, STYLE).scores == "prediction is not finite"
    assert share(draw_panel(image, [broken], CLASSES, PALETTE), INVALID_COLOR) > 0.1


def test_the_image_may_have_another_size():
    image, semseg, _ = scene()
    one, two = (draw_panel(i, [semseg], CLASSES, PALETTE) for i in (image, image[::2, ::3].copy()))
    assert one.shape == two.shape


def test_many_long_names_make_the_panel_higher():
    image, _, _ = scene()
    labels = np.arange(128 * 256).reshape(128, 256) % 150
    classes = [f"a very long name of a class, number {i}" for i in range(150)]
    args = classes, default_palette(150)
    many = draw_panel(image, [TaskMaps("semseg", labels)], *args)
    few = draw_panel(image, [TaskMaps("semseg", labels % 2)], *args)
    assert many.shape[0] > few.shape[0] + 400


def test_refuses_what_it_cannot_draw():
    image, semseg, _ = scene()
    with pytest.raises(ValueError, match="targets is empty"):
        draw_panel(image, [], CLASSES, PALETTE)
    with pytest.raises(ValueError, match="uint8"):
        draw_panel(image / 255, [semseg], CLASSES, PALETTE)
    with pytest.raises(ValueError, match="kind='edges'"):
        TaskMaps("edges", semseg.truth)
    with pytest.raises(ValueError, match="one shape"):
        TaskMaps("semseg", semseg.truth, semseg.truth[1:])
    with pytest.raises(ValueError, match="one shape"):
        TaskMaps("semseg")
    with pytest.raises(ValueError, match="class ids"):
        draw_panel(image, [semseg], CLASSES, PALETTE[:1])
