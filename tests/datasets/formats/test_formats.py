"""Decoding of label and depth values, by hand-computed numbers."""

from dataclasses import replace

import numpy as np
import pytest

from mtl_plugins.datasets import DepthFormat, LabelFormat
from mtl_plugins.datasets.formats import ValueFormat
from mtl_plugins.errors import DataError
from mtl_plugins.targets import SEMSEG


def test_centimetres_with_an_offset():
    raw = np.array([[0, 1, 1000, 65535]], dtype=np.uint16)
    depth = DepthFormat(scale=0.01, offset=0.5, invalid=(0, 65535))(raw)
    assert depth.dtype == np.float32
    assert depth.tolist() == [[0.0, pytest.approx(0.51), pytest.approx(10.5), 0.0]]


def test_cityscapes_disparity():
    # disparity = (p - 1) / 256, depth = baseline * focal / disparity, 0 = invalid.
    baseline, focal = 0.209, 2262.5
    decode = DepthFormat(
        scale=1 / 256 / (baseline * focal), offset=-1 / 256 / (baseline * focal), inverse=True
    )
    raw = np.array([[0, 1, 257, 12801]], dtype=np.uint16)
    depth = decode(raw)[0]
    assert depth[0] == 0 and depth[1] == 0  # unmeasured; zero disparity is infinitely far
    assert depth[2] == pytest.approx(baseline * focal, rel=1e-6)
    assert depth[3] == pytest.approx(baseline * focal / 50, rel=1e-6)


def test_invalid_depths_become_zero():
    raw = np.array([[np.nan, np.inf, -np.inf, -1.0, 0.0, 2.0]], dtype=np.float32)
    decode = DepthFormat(invalid=[0, float("nan"), float("inf"), -float("inf"), -1])
    assert decode(raw).tolist() == [[0, 0, 0, 0, 0, 2]]
    assert DepthFormat(min_depth=1.0, max_depth=5.0)(np.array([[0.5, 3.0, 9.0]])).tolist() == [
        [0, 3, 0]
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
def test_impossible_depths_are_errors_unless_listed_as_invalid(value):
    raw = np.array([[1.0, value, value]], np.float32)
    with pytest.raises(DataError, match=r"a\.npy has 2 depth values that are negative.*invalid"):
        DepthFormat(invalid=(0, 7))(raw, "a.npy")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("inverse", [False, True])
def test_the_table_of_small_integers_equals_the_formula(dtype, inverse):
    decode = DepthFormat(0.37, -3.0, inverse, invalid=(0, 200), min_depth=0.1, max_depth=50)
    raw = np.arange(256, dtype=dtype).reshape(16, 16)
    assert np.array_equal(decode(raw), decode(raw.astype(np.int32)))


def test_depth_spread_over_three_channels():
    raw = np.array([[[1, 0, 0], [0, 1, 0], [255, 255, 255]]], np.uint8)
    depth = DepthFormat(scale=1000 / (256**3 - 1), digits=(1, 256, 65536))(raw)
    unit = 1000 / (256**3 - 1)
    assert depth[0] == pytest.approx([unit, 256 * unit, 1000], rel=1e-6)


def test_formats_are_hashable_and_compare_by_value():
    assert DepthFormat(invalid=[0]) == DepthFormat() and hash(DepthFormat()) == hash(DepthFormat())
    assert DepthFormat(0.01) != DepthFormat(0.02)


def test_labels_that_are_colours():
    decode = LabelFormat(2, {(128, 64, 128): 0, (0, 0, 142): 1, (0, 0, 0): 255})
    raw = np.array([[[0, 0, 142], [128, 64, 128], [0, 0, 0]]], np.uint8)
    assert decode(raw, "a.png").tolist() == [[1, 0, 255]]
    with pytest.raises(DataError, match=r"no class: 9 8 7 \(1 pixels\)\. Expected one of 0 0 0, "):
        decode(np.array([[[9, 8, 7]]]), "a.png")


def test_label_values_far_apart():
    decode = LabelFormat(1, {1_000_000: 0, 0: 255})
    assert decode(np.array([[1_000_000, 0]]), "a.png").tolist() == [[0, 255]]
    with pytest.raises(DataError, match="no class: 5"):
        decode(np.array([[5]]), "a.png")


def test_labels_are_mapped():
    decode = LabelFormat(3, {0: 255, 7: 0, 8: 1, 33: 2})
    ids = decode(np.array([[0, 7], [8, 33]], dtype=np.uint8), "a.png")
    assert ids.dtype == np.uint8 and ids.tolist() == [[255, 0], [1, 2]]


@pytest.mark.parametrize(
    ("label_map", "value"), [(None, 3), (None, 254), (None, -1), ({0: 0}, 1), ({0: 0}, 255)]
)
def test_a_value_outside_the_classes_names_file_value_and_remedy(label_map, value):
    raw = np.array([[0, value, value]], dtype=np.int32)
    with pytest.raises(DataError, match=rf"scene/a\.png .* {value} \(2 pixels\).*label_map"):
        LabelFormat(3, label_map)(raw, "scene/a.png")


def test_the_remedy_names_the_id_of_no_class():
    for number, none in ((255, 255), (256, 65535)):
        with pytest.raises(DataError, match=rf"\({none}: no class\)"):
            LabelFormat(number)(np.array([[300]], np.uint16))


def test_negative_raw_values_are_mapped():
    decode = LabelFormat(2, {-1: 255, 7: 0, 8: 1})
    assert decode(np.array([[7, 8, -1]]), "a.png").tolist() == [[0, 1, 255]]


def test_a_map_to_no_class_is_refused():
    with pytest.raises(DataError, match=r"\{4: 9\}"):
        LabelFormat(3, {4: 9})


@pytest.mark.parametrize("number", [-1, 0, 65536])
def test_other_numbers_of_classes_are_refused(number):
    with pytest.raises(DataError, match=f"{number} classes; expected 1 to 65535"):
        LabelFormat(number)


@pytest.mark.parametrize("number", [1, 2, 254, 255, 256, 257, 65535])
def test_every_class_has_an_id_of_its_own(number):
    """No class has the id of "no class", whether 8 or 16 bits are needed."""
    decode = LabelFormat(number)
    raw = np.array([[0, number - 1]], np.uint16)
    ids = decode(raw)
    assert ids.tolist() == raw.tolist() and np.array_equal(decode.encode(ids), raw)
    none = 255 if number <= 255 else 65535
    classes = tuple(map(str, range(number)))
    target = replace(SEMSEG, classes=classes)
    assert target.invalid == none and target.known(ids).all() and target.dtype == ids.dtype
    assert not target.known(decode(np.array([[none]], np.uint16))).any()


@pytest.mark.parametrize("label_map", [[0, 1], "0: 1", 7, {}])
def test_a_map_that_is_no_dict_or_empty_is_refused(label_map):
    with pytest.raises(DataError, match=r"expected a dict of the class of each value"):
        LabelFormat(2, label_map)


def test_numbers_beside_colours_are_refused():
    """They come from the base of a config, whose `label_map` is merged with a new one."""
    with pytest.raises(DataError, match=r"numbers and colours; .* _delete_=True"):
        LabelFormat(2, {0: 255, 7: 0, (128, 64, 128): 0, (0, 0, 142): 1})


def test_limits_without_a_value_between_them_are_refused():
    with pytest.raises(DataError, match=r"min_depth=10, max_depth=5; expected the smaller one"):
        DepthFormat(min_depth=10, max_depth=5)
    with pytest.raises(DataError, match="expected low to be at most high"):
        ValueFormat(low=10, high=5)


def test_fractional_labels_are_errors():
    decode = LabelFormat(3)
    assert decode(np.array([[0.0, 2.0, 255.0]], np.float32)).tolist() == [[0, 2, 255]]
    for value in (1.5, np.nan, np.inf, 1e300):
        with pytest.raises(
            DataError, match=r"a\.npy has 1 label values that are not whole numbers"
        ):
            decode(np.array([[0.0, value]]), "a.npy")


def test_depth_beyond_float32_is_not_measured():
    assert DepthFormat()(np.array([[1e300, 2.0]])).tolist() == [[0.0, 2.0]]
    assert DepthFormat(inverse=True)(np.array([[1e-310, 1e-300, 0.5]])).tolist() == [[0, 0, 2]]


def test_a_depth_is_never_written_as_a_raw_value_that_means_none():
    encode = DepthFormat(scale=0.5, invalid=(0, 3, 4, 5)).encode
    assert encode(np.array([[0.1, 1.4, 2.0, 2.5, 3.0]])).tolist() == [[1, 2, 2, 6, 6]]
