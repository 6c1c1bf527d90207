"""Borders of regions and thin lines, compared with other ways to find them."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label, maximum_filter, minimum_filter

from mtl_plugins.utils import borders, thin
from tests.properties import PROPERTY

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
MAPS = arrays(np.uint16, (9, 12), elements=dict(min_value=0, max_value=2))
MASKS = arrays(bool, (9, 12))


@PROPERTY
@given(MAPS, MAPS)
def test_borders_are_where_the_values_around_a_pixel_differ(one, other):
    expected = [
        maximum_filter(each, footprint=CROSS, mode="nearest")
        != minimum_filter(each, footprint=CROSS, mode="nearest")
        for each in (one, other)
    ]
    assert np.array_equal(borders(one), expected[0])
    assert np.array_equal(borders(one, other), expected[0] | expected[1])


@PROPERTY
@given(MASKS)
def test_thinning_keeps_the_pieces_of_a_mask(mask):
    thinned = thin(mask)
    assert not (thinned & ~mask).any() and thinned.dtype == bool
    around = np.ones((3, 3))
    assert label(thinned, around)[1] == label(mask, around)[1]
