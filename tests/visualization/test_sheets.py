"""Panels, pictures of samples and contact sheets: every part has its place and its colours."""

from __future__ import annotations

import numpy as np
import pytest

from mtl_plugins.visualization import (
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    WRONG_COLOR,
    Key,
    SheetSample,
    TaskMaps,
    colorize_depth,
    default_palette,
    depth_norm,
    depth_picture,
    draw_panel,
    draw_sample,
    draw_sheet,
)
from mtl_plugins.visualization.grid import MARGIN, Cell, GridRow, draw_grid

CLASSES = ["road", "car", "sky"]
PALETTE = [(128, 64, 128), (0, 0, 142), (70, 130, 180)]


def scene(height=64, width=128):
    """An image, and labels and depth with parts that are wrong and parts without truth."""
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
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


def share(pixels, color):
    return (pixels == color).all(-1).mean()


def test_a_grid_aligns_pictures_and_keys_below_captions():
    red, blue = (np.full((20, 50, 3), color, np.uint8) for color in ((255, 0, 0), (0, 0, 255)))
    key = Key([("a name", (0, 200, 0))])
    cells = [Cell(red, (50, 20), "title", key=key), Cell(blue, (50, 40), "title", "note")]
    grid = draw_grid([GridRow(cells), GridRow([*cells[:1], Cell(problem="broken")])], 100)
    assert grid.shape[1] == 2 * 100 + 3 * MARGIN
    for color, left, height, top in (
        ((255, 0, 0), MARGIN, 20, MARGIN + 40),
        ((0, 0, 255), 2 * MARGIN + 100, 40, MARGIN + 40),
    ):
        rows, columns = np.nonzero((grid == color).all(-1)[: top + height])
        # The frame covers the outermost pixels.
        assert abs(rows.min() - top) <= 1 and abs(columns.min() - left) <= 1
        assert abs(np.ptp(rows) - height) <= 2 and abs(np.ptp(columns) - 50) <= 2
    swatch = np.nonzero((grid == (0, 200, 0)).all(-1))[0].min()
    assert MARGIN + 40 + 40 < swatch < MARGIN + 40 + 40 + 20


@pytest.mark.parametrize("size", [(128, 256), (900, 90), (4, 8)])
def test_a_panel_shows_every_picture(size):
    image, semseg, depth = scene(*size)
    panel = draw_panel(image, [semseg, depth], CLASSES, PALETTE, title="a title")
    assert panel.dtype == np.uint8
    assert panel.shape[2] == 3
    assert panel.shape[1] <= 1600
    for color in (*PALETTE, WRONG_COLOR, INVALID_COLOR):
        assert share(panel, color) > 0.002, color
    # A margin on every side: nothing is cut off.
    frame = [panel[:3], panel[-3:], panel[:, :3].swapaxes(0, 1), panel[:, -3:].swapaxes(0, 1)]
    assert all((edge == 255).all() for edge in frame)


def test_tasks_and_titles_make_a_panel_higher_and_the_image_may_have_another_size():
    image, semseg, depth = scene()
    one = draw_panel(image, [depth], CLASSES, PALETTE)
    two = draw_panel(image, [semseg, depth], CLASSES, PALETTE)
    titled = draw_panel(image[::2, ::3].copy(), [depth], CLASSES, PALETTE, title="street")
    assert two.shape[0] > 1.7 * one.shape[0]
    assert one.shape[0] < titled.shape[0] < one.shape[0] + 40


def test_without_truth_a_panel_has_two_columns_and_larger_pictures():
    image, semseg, depth = scene()
    full = draw_panel(image, [semseg, depth], CLASSES, PALETTE)
    maps = [TaskMaps("semseg", semseg.prediction), TaskMaps("depth", depth.prediction)]
    panel = draw_panel(image, maps, CLASSES, PALETTE)
    assert panel.shape[0] > full.shape[0]
    assert share(panel, PALETTE[1]) > 0
    assert share(panel, WRONG_COLOR) == 0
    mixed = draw_panel(image, [semseg, maps[1]], CLASSES, PALETTE)
    assert share(mixed, WRONG_COLOR) > 0


def test_many_long_names_make_the_panel_higher():
    image, _, _ = scene()
    labels = np.arange(64 * 128).reshape(64, 128) % 150
    classes = [f"a very long name of a class, number {i}" for i in range(150)]
    args = classes, default_palette(150)
    many = draw_panel(image, [TaskMaps("semseg", labels)], *args)
    few = draw_panel(image, [TaskMaps("semseg", labels % 2)], *args)
    assert many.shape[0] > few.shape[0] + 400


def test_a_panel_refuses_what_it_cannot_draw():
    image, semseg, _ = scene()
    with pytest.raises(ValueError, match="targets is empty"):
        draw_panel(image, [], CLASSES, PALETTE)
    with pytest.raises(ValueError, match="uint8"):
        draw_panel(image / 255, [semseg], CLASSES, PALETTE)
    with pytest.raises(ValueError, match="class ids"):
        draw_panel(image, [semseg], CLASSES, PALETTE[:1])


def test_a_depth_picture_is_the_painted_map_above_a_bar():
    depth, norm = np.tile(np.linspace(1, 80, 300), (20, 1)), depth_norm(1, 80)
    picture = depth_picture(depth, norm)
    assert (picture[:20] == colorize_depth(depth, norm)).all()
    # The bar runs from the first to the last colour, 24 pixels from the edges.
    bar = picture[20 + 10, 26:-26].astype(int).sum(-1)
    assert bar[0] > 600 and bar[-1] < 60
    assert depth_picture(depth[:, :9], norm).shape == (20 + 56, 240, 3)


SIZE = (40, 80)
COLUMN = 480 + MARGIN


def sample_maps(valid):
    """Labels, depth and normals, the left quarter of which has no truth unless `valid`."""
    labels = np.ones(SIZE, np.int64)
    depth = np.tile(np.linspace(5, 50, SIZE[1]), (SIZE[0], 1)).astype(np.float32)
    normals = np.zeros((*SIZE, 3), np.float32)
    normals[..., 1] = -1
    if not valid:
        labels[:, :20], depth[:, :20], normals[:, :20] = 255, 0, 0
    maps = dict(semseg=labels, depth=depth, normals=normals)
    return [TaskMaps(kind, truth=values) for kind, values in maps.items()]


def drawn_sample(valid, color=(90, 120, 60)):
    """The pixels of image, labels, depth and normals in a picture of a sample, without frames."""
    image = np.full((*SIZE, 3), color, np.uint8)
    picture = draw_sample(image, sample_maps(valid), CLASSES, PALETTE, "title")
    assert picture.shape[1] == 4 * COLUMN + MARGIN
    lefts = [MARGIN + index * COLUMN for index in range(4)]
    return [picture[16 + 26 + 40 + 4 : 16 + 26 + 40 + 236, left + 4 : left + 476] for left in lefts]


def test_a_sample_shows_its_image_and_every_target():
    image, labels, depth, normals = drawn_sample(valid=True)
    assert share(image, (90, 120, 60)) == 1
    assert share(labels, PALETTE[1]) == 1
    near, far = (depth[:, edge].astype(int).sum() for edge in (0, -1))
    assert near > far  # near is light
    assert share(normals, (128, 0, 128)) == 1  # faces up


def test_pixels_without_truth_have_a_colour_of_their_own():
    with_gaps, without = drawn_sample(valid=False), drawn_sample(valid=True)
    for index, color in enumerate((IGNORE_COLOR, INVALID_COLOR, NO_NORMAL_COLOR), start=1):
        assert share(with_gaps[index], color) == pytest.approx(0.25, abs=0.01)
        assert share(without[index], color) == 0


def test_a_sample_without_targets_is_its_image():
    picture = draw_sample(np.full((*SIZE, 3), 7, np.uint8), [], (), [])
    assert picture.shape[1] == COLUMN + MARGIN
    assert (picture == 7).all(-1).mean() > 0.5


def sheet_sample(name, depth, size=(40, 60)):
    labels = np.zeros(size, np.uint8)
    labels[:, size[1] // 2 :] = 1
    image = np.full((*size, 3), (1, 2, 240), np.uint8)
    maps = dict(semseg=labels, depth=np.full(size, depth, np.float32))
    return SheetSample.shrunk(name, image, maps)


def test_shrinking_mixes_no_values_and_keeps_proportions():
    labels = np.tile(np.array([0, 9], np.uint8), (400, 500))
    image = np.zeros((400, 1000, 3), np.uint8)
    image[..., 0] = 77
    small = SheetSample.shrunk("a.png", image, dict(semseg=labels))
    assert small.maps["semseg"].shape == (144, 360) == small.image.shape[:2]
    assert set(np.unique(small.maps["semseg"])) <= {0, 9}
    assert small.image[0, 0].tolist() == [0, 0, 77], "RGB"


def test_depths_of_all_samples_of_a_contact_sheet_share_their_colours():
    """The colour of a depth does not depend on the order of the samples."""
    near, far = sheet_sample("near", 2.0), sheet_sample("far", 8.0)
    pair = draw_sheet([near, far], ["depth"], CLASSES, PALETTE, depth_log=True)
    turned = draw_sheet([far, near], ["depth"], CLASSES, PALETTE, depth_log=True)
    # The middle of each depth; below the titles a row is a path and a picture 240 pixels high.
    column, top = 2 * MARGIN + 360 + 180, MARGIN + 18 + 18 + 120
    rows = (top, top + 240 + MARGIN + 18)
    colours = [tuple(pair[row, column]) for row in rows]
    assert colours[0] != colours[1]
    assert [tuple(turned[row, column]) for row in rows] == colours[::-1]


def test_missing_maps_do_not_shift_those_of_other_samples():
    whole = sheet_sample("whole", 2.0)
    broken = SheetSample.shrunk("broken", None, {}, ["broken cannot be read"])
    sheet = draw_sheet([broken, whole], ["semseg", "depth"], CLASSES, PALETTE)
    for colour in PALETTE[:2]:
        assert (sheet == colour).all(-1).sum() > 180 * 240 * 0.9
    assert sheet.shape[1] == 3 * (360 + MARGIN) + MARGIN


def test_all_names_of_many_classes_fit_on_a_contact_sheet():
    labels = np.arange(1600, dtype=np.uint8).reshape(40, 40) % 40
    classes, palette = [f"a very long name of class {i}" for i in range(40)], default_palette(40)
    one = SheetSample.shrunk("one", None, dict(semseg=labels))
    sheet = draw_sheet([one], ["semseg"], classes, palette)
    key = sheet[MARGIN + 18 + 18 + 360 + MARGIN :]
    for colour in palette:
        assert (key == colour).all(-1).sum() > 50
    assert (sheet[-5:] == 255).all() and (sheet[:, -5:] == 255).all()


def test_a_contact_sheet_without_anything_readable_is_drawn():
    broken = SheetSample.shrunk("broken", None, {}, ["it $is$ broken"] * 50)
    sheet = draw_sheet([broken], ["semseg"], CLASSES, PALETTE)
    assert ((sheet[..., 0] > 150) & (sheet[..., 1] < 60)).any(), "the problem is written in red"
