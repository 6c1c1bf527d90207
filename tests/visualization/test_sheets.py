"""Panels, pictures of samples and contact sheets: every part has its place and its colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtl_plugins.targets import DEPTH, NORMALS, Target
from mtl_plugins.visualization import (
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_COLOR,
    NO_NORMAL_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    YES_COLOR,
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
LABELS = Target("semseg", "classes", classes=tuple(CLASSES), palette=tuple(PALETTE))


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
    return image, TaskMaps(LABELS, labels, truth), TaskMaps(DEPTH, depth * 1.1, measured)


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
    panel = draw_panel(image, [semseg, depth], title="a title")
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
    one = draw_panel(image, [depth])
    two = draw_panel(image, [semseg, depth])
    titled = draw_panel(image[::2, ::3].copy(), [depth], title="street")
    assert two.shape[0] > 1.7 * one.shape[0]
    assert one.shape[0] < titled.shape[0] < one.shape[0] + 40


def test_a_panel_has_no_columns_without_pictures():
    image, semseg, depth = scene()
    full = draw_panel(image, [semseg, depth])
    maps = [TaskMaps(LABELS, semseg.prediction), TaskMaps(DEPTH, depth.prediction)]
    panel = draw_panel(image, maps)
    assert panel.shape[1] == pytest.approx(1600, abs=9)
    assert panel.shape[0] < full.shape[0], "image and both predictions are one row"
    assert draw_panel(image, maps[:1]).shape[0] > panel.shape[0], "two pictures are larger"
    assert share(panel, PALETTE[1]) > 0
    assert share(panel, WRONG_COLOR) == 0
    mixed = draw_panel(image, [semseg, maps[1]])
    assert share(mixed, WRONG_COLOR) > 0


def many_targets(size=(40, 60)):
    """Maps of two label sets, a mask, a height map and flow, with gaps in each."""
    parts = Target("parts", "classes", classes=tuple(f"part {i}" for i in range(300)))
    mask, flow = Target("edges", "binary"), Target("flow", "offset")
    height = Target("a_very_long_name_of_a_height_map", "scalar", unit="m")
    values = np.arange(np.prod(size), dtype=np.float32).reshape(size) % 200
    arrays = {
        LABELS: values.astype(int) % 3,
        parts: values.astype(int) % 300,
        mask: values.astype(int) // 20 % 2,
        height: values,
        flow: np.stack([values - 100, 50 - values / 2], axis=-1),
    }
    for target, array in arrays.items():
        array[: size[0] // 4] = target.invalid
    return arrays


def test_a_panel_of_many_targets_has_a_row_and_a_key_of_each():
    image, _, _ = scene(40, 60)
    arrays = many_targets()
    maps = [TaskMaps(target, array, array) for target, array in arrays.items()]
    panel = draw_panel(image, maps)
    assert panel.shape[0] > 5 * draw_panel(image, maps[:1]).shape[0] / 1.5
    for color in (*PALETTE, YES_COLOR, NO_COLOR, INVALID_COLOR, RIGHT_COLOR):
        assert share(panel, color) > 0.0002, color
    broken = [TaskMaps(maps[i].target, maps[i].truth * np.nan, maps[i].truth) for i in (3, 4)]
    assert draw_panel(image, broken).shape[1] == panel.shape[1]


def test_a_contact_sheet_has_a_column_for_each_target():
    arrays = many_targets()
    maps = {target.name: array for target, array in arrays.items()}
    one = SheetSample.shrunk("one", np.zeros((40, 60, 3), np.uint8), maps)
    sheet = draw_sheet([one, SheetSample.shrunk("broken", None, {})], [*arrays], "title")
    assert sheet.shape[1] == 6 * (360 + MARGIN) + MARGIN
    column = 3 * (360 + MARGIN) + MARGIN
    assert share(sheet[:, column : column + 360], YES_COLOR) > 0.03
    # The wheel below the flow has saturated colours.
    key = sheet[380:560, -360 - MARGIN :].reshape(-1, 3)
    assert (np.ptp(key.astype(int), axis=-1) > 200).sum() > 500


def test_many_long_names_make_the_panel_higher():
    image, _, _ = scene()
    labels = np.arange(64 * 128).reshape(64, 128) % 150
    classes = [f"a very long name of a class, number {i}" for i in range(150)]
    target = Target("semseg", "classes", classes=classes)
    many = draw_panel(image, [TaskMaps(target, labels)])
    few = draw_panel(image, [TaskMaps(target, labels % 2)])
    assert many.shape[0] > few.shape[0] + 400


@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
def test_many_pictures_take_several_rows(count):
    image = scene()[0]
    targets = [Target(f"mask{index}", "binary") for index in range(count)]
    masks = [np.full((64, 128), index % 2) for index in range(count)]
    pairs = list(zip(targets, masks, strict=True))
    panel = draw_panel(image, [TaskMaps(target, mask) for target, mask in pairs])
    sample = draw_sample(image, [TaskMaps(target, truth=mask) for target, mask in pairs])
    maps = {target.name: mask for target, mask in pairs}
    sheet = draw_sheet([SheetSample.shrunk("a", image, maps)], targets)
    pictures = count + 1
    for picture, columns, least in ((panel, 3, 500), (sample, 4, 480), (sheet, 6, 360)):
        height, width, _ = picture.shape
        assert width <= columns * 600 and width >= min(pictures, columns) * least
        # As many pictures are amber as masks are 1, each of nearly its column's width.
        ones = share(picture, YES_COLOR) * height * width / (least * least / 2)
        assert ones > 0.9 * (count // 2)


def test_a_panel_refuses_what_it_cannot_draw():
    image, semseg, _ = scene()
    with pytest.raises(ValueError, match="targets is empty"):
        draw_panel(image, [])
    with pytest.raises(ValueError, match="uint8"):
        draw_panel(image / 255, [semseg])
    one = replace(LABELS, classes=("road",), palette=())
    with pytest.raises(ValueError, match="class ids"):
        draw_panel(image, [replace(semseg, target=one)])


def test_a_depth_picture_is_the_painted_map_above_a_bar():
    depth, norm = np.tile(np.linspace(1, 80, 300), (20, 1)), depth_norm(1, 80)
    picture = depth_picture(depth, norm)
    assert (picture[:20] == colorize_depth(depth, norm)).all()
    # The bar runs from the first to the last colour, 24 pixels from the edges.
    bar = picture[20 + 10, 26:-26].astype(int).sum(-1)
    assert bar[0] > 600 and bar[-1] < 60
    assert depth_picture(depth[:, :9], norm).shape == (20 + 56, 240, 3)


def test_the_bar_of_a_large_depth_picture_is_larger():
    depth = np.tile(np.linspace(1, 80, 2049), (4, 1))
    picture = depth_picture(depth, depth_norm(1, 80))
    assert picture.shape == (4 + 2 * 56, 2049, 3)
    assert (picture[:4] == colorize_depth(depth, depth_norm(1, 80))).all()
    small = depth_picture(depth[:, :1000], depth_norm(1, 80))
    dark = [
        (each[4 + 20 * scale :] < 99).any(-1).sum() for each, scale in ((picture, 2), (small, 1))
    ]
    assert dark[0] > 3 * dark[1], "twice as high and wide"


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
    maps = {LABELS: labels, DEPTH: depth, NORMALS: normals}
    return [TaskMaps(target, truth=values) for target, values in maps.items()]


def drawn_sample(valid, color=(90, 120, 60)):
    """The pixels of image, labels, depth and normals in a picture of a sample, without frames."""
    image = np.full((*SIZE, 3), color, np.uint8)
    picture = draw_sample(image, sample_maps(valid), "title")
    assert picture.shape[1] == 4 * COLUMN + MARGIN
    lefts = [MARGIN + index * COLUMN for index in range(4)]
    return [picture[16 + 30 + 40 + 4 : 16 + 30 + 40 + 236, left + 4 : left + 476] for left in lefts]


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
    picture = draw_sample(np.full((*SIZE, 3), 7, np.uint8), [])
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
    pair = draw_sheet([near, far], [DEPTH], depth_log=True)
    turned = draw_sheet([far, near], [DEPTH], depth_log=True)
    # The middle of each depth; below the titles a row is a path and a picture 240 pixels high.
    column, top = 2 * MARGIN + 360 + 180, MARGIN + 18 + 18 + 120
    rows = (top, top + 240 + MARGIN + 18)
    colours = [tuple(pair[row, column]) for row in rows]
    assert colours[0] != colours[1]
    assert [tuple(turned[row, column]) for row in rows] == colours[::-1]


def test_missing_maps_do_not_shift_those_of_other_samples():
    whole = sheet_sample("whole", 2.0)
    broken = SheetSample.shrunk("broken", None, {}, ["broken cannot be read"])
    sheet = draw_sheet([broken, whole], [LABELS, DEPTH])
    for colour in PALETTE[:2]:
        assert (sheet == colour).all(-1).sum() > 180 * 240 * 0.9
    assert sheet.shape[1] == 3 * (360 + MARGIN) + MARGIN


def test_all_names_of_many_classes_fit_on_a_contact_sheet():
    labels = np.arange(1600, dtype=np.uint8).reshape(40, 40) % 40
    names = tuple(f"a very long name of class {i}" for i in range(40))
    target, palette = Target("semseg", "classes", classes=names), default_palette(40)
    one = SheetSample.shrunk("one", None, dict(semseg=labels))
    sheet = draw_sheet([one], [target])
    key = sheet[MARGIN + 18 + 18 + 360 + MARGIN :]
    for colour in palette:
        assert (key == colour).all(-1).sum() > 50
    assert (sheet[-5:] == 255).all() and (sheet[:, -5:] == 255).all()


def test_a_contact_sheet_without_anything_readable_is_drawn():
    broken = SheetSample.shrunk("broken", None, {}, ["it $is$ broken"] * 50)
    sheet = draw_sheet([broken], [LABELS])
    assert ((sheet[..., 0] > 150) & (sheet[..., 1] < 60)).any(), "the problem is written in red"
