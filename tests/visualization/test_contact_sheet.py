"""Contact sheets: the samples' own colours, one scale of depth, what cannot be read."""

from __future__ import annotations

import numpy as np

from mtl_plugins.visualization.sheets import SheetSample, draw_sheet

CLASSES, PALETTE = ("left", "right"), [[250, 10, 20], [10, 20, 250]]


def sample(name, depth, size=(40, 60)):
    labels = np.zeros(size, np.uint8)
    labels[:, size[1] // 2 :] = 1
    image = np.full((*size, 3), (1, 2, 240), np.uint8)
    return SheetSample.shrunk(
        name, image, dict(semseg=labels, depth=np.full(size, depth, np.float32))
    )


def test_shrinking_mixes_no_values_and_keeps_proportions():
    labels = np.tile(np.array([0, 9], np.uint8), (400, 500))
    image = np.zeros((400, 1000, 3), np.uint8)
    image[..., 0] = 77
    small = SheetSample.shrunk("a.png", image, dict(semseg=labels))
    assert small.maps["semseg"].shape == (144, 360) == small.image.shape[:2]
    assert set(np.unique(small.maps["semseg"])) <= {0, 9}
    assert small.image[0, 0].tolist() == [0, 0, 77], "RGB"


def test_depths_of_all_samples_share_their_colours():
    """The same depth is drawn alike beside a nearer and beside a farther one."""
    near, far = sample("near", 2.0), sample("far", 8.0)
    pair = draw_sheet([near, far], ["depth"], CLASSES, PALETTE, depth_log=True)
    turned = draw_sheet([far, near], ["depth"], CLASSES, PALETTE, depth_log=True)
    column, rows = 360 + 14 + 180, (14 + 3 * 18 + 18 + 120, 14 + 3 * 18 + 18 + 120 + 272)
    colours = [tuple(pair[row, column]) for row in rows]
    assert colours[0] != colours[1]
    assert [tuple(turned[row, column]) for row in rows] == colours[::-1]


def test_classes_have_their_colours_and_missing_maps_do_not_shift_the_others():
    whole = sample("whole", 2.0)
    broken = SheetSample.shrunk("broken", None, {}, ["broken cannot be read"])
    sheet = draw_sheet([broken, whole], ["semseg", "depth"], CLASSES, PALETTE)
    for colour in PALETTE:
        assert (sheet == colour).all(-1).sum() > 180 * 240 * 0.9
    assert sheet.shape[1] == 3 * (360 + 14) + 14


def test_a_sheet_without_anything_readable_is_drawn():
    broken = SheetSample.shrunk("broken", None, {}, ["it $is$ broken"] * 50)
    assert draw_sheet([broken], ["semseg"], CLASSES, PALETTE).ndim == 3
