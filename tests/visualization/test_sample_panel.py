"""A sample's picture: targets side by side, what has no truth in a colour of its own."""

from __future__ import annotations

import numpy as np
import pytest

from mtl_plugins.visualization import (
    IGNORE_COLOR,
    INVALID_COLOR,
    NO_NORMAL_COLOR,
    TaskMaps,
    draw_sample,
)

SIZE = (40, 80)
SLOT = 480 + 16
PALETTE = [(10, 200, 30), (220, 20, 220)]


def maps(valid):
    """Labels, depth and normals, the left quarter of which has no truth unless `valid`."""
    labels = np.ones(SIZE, np.int64)
    depth = np.tile(np.linspace(5, 50, SIZE[1]), (SIZE[0], 1)).astype(np.float32)
    normals = np.zeros((*SIZE, 3), np.float32)
    normals[..., 1] = -1
    if not valid:
        labels[:, :20], depth[:, :20], normals[:, :20] = 255, 0, 0
    return [
        TaskMaps(k, truth=m) for k, m in dict(semseg=labels, depth=depth, normals=normals).items()
    ]


def column(picture, index):
    """The pixels of a target's picture, without frame and caption."""
    left = 16 + index * SLOT
    return picture[16 + 26 + 40 + 4 : 16 + 26 + 40 + 236, left + 4 : left + 476]


def share(pixels, color):
    return (pixels == color).all(-1).mean()


def test_every_target_stands_beside_the_image():
    image = np.full((*SIZE, 3), (90, 120, 60), np.uint8)
    picture = draw_sample(image, maps(valid=True), ("one", "two"), PALETTE, "title")
    assert picture.shape[1] == 4 * SLOT + 16
    assert share(column(picture, 0), (90, 120, 60)) == 1
    assert share(column(picture, 1), PALETTE[1]) == 1
    near, far = (column(picture, 2)[:, edge].astype(int).sum() for edge in (0, -1))
    assert near > far  # light is near
    assert share(column(picture, 3), (128, 0, 128)) == 1  # faces up


@pytest.mark.parametrize(
    ("index", "color"), [(1, IGNORE_COLOR), (2, INVALID_COLOR), (3, NO_NORMAL_COLOR)]
)
def test_what_has_no_truth_has_a_colour_of_its_own(index, color):
    image = np.full((*SIZE, 3), 128, np.uint8)
    with_gaps = draw_sample(image, maps(valid=False), ("one", "two"), PALETTE, "title")
    without = draw_sample(image, maps(valid=True), ("one", "two"), PALETTE, "title")
    assert share(column(with_gaps, index), color) == pytest.approx(0.25, abs=0.01)
    assert share(column(without, index), color) == 0


def test_a_sample_without_targets_is_its_image():
    picture = draw_sample(np.full((*SIZE, 3), 7, np.uint8), [], (), [])
    assert picture.shape[1] == SLOT + 16
    assert (picture == 7).all(-1).mean() > 0.5
